import { describe, expect, it } from 'vitest';
import { createDecodeKernel, encodeWriteRequest, verdict } from '../../../src/wire/index.ts';

const perRequest = 5_000;

function kernelOf(maxKnownSeries: number) {
  const kernel = createDecodeKernel({
    maxDecodedBytes: 1 << 20,
    maxSeries: perRequest,
    maxKnownSeries,
  });
  const scan = (from: number, count: number, { scope = 1, minute = 100 } = {}) => {
    const series = Array.from({ length: count }, (_, i) => ({
      labels: [['__name__', `m${String(from + i)}`]] as const,
      samples: [{ value: 1, timestampMs: 1_700_000_000_000 }],
    }));
    kernel.loadDecoded(encodeWriteRequest(series));
    const request = { scope, minute, minTimestampMs: 0, maxTimestampMs: 2e12, maxLabels: 10 };
    expect(kernel.scan(request)).toBe('ok');
    return kernel.totals.unknown;
  };
  const learnAll = (value = verdict.pass as number) => {
    let learned = 0;
    for (let i = 0; i < kernel.totals.series; i += 1) if (kernel.learn(i, value)) learned += 1;
    return learned;
  };
  return { kernel, scan, learnAll };
}

describe('the table of known series', () => {
  it('knows what it learned, with its verdict, and nothing else', () => {
    const { kernel, scan, learnAll } = kernelOf(1_000);
    expect(scan(0, 10)).toBe(10);
    expect(learnAll(verdict.strip)).toBe(10);
    expect(learnAll(verdict.strip)).toBe(0);
    expect(scan(5, 10)).toBe(5);
    expect(kernel.totals.notPassed).toBe(5);
    expect([0, 4, 5].map((i) => kernel.verdictOf(i))).toEqual([verdict.strip, verdict.strip, 0]);
    expect(kernel.table.size).toBe(10);
  });

  it('keeps scopes apart, and counts accepted series of each', () => {
    const { kernel, scan, learnAll } = kernelOf(1_000);
    scan(0, 10);
    learnAll();
    expect(scan(0, 4, { scope: 2 })).toBe(4);
    learnAll();
    scan(100, 3, { scope: 2 });
    learnAll(verdict.firstReason + 1);
    expect(Object.fromEntries(kernel.table.counts())).toEqual({ 1: 10, 2: 4 });
    expect(scan(0, 10)).toBe(0);
    expect(scan(100, 3, { scope: 2 })).toBe(0);
    expect(kernel.totals.notPassed).toBe(3);
  });

  it('grows over several doublings and loses none', () => {
    const series = 100_000;
    const { kernel, scan, learnAll } = kernelOf(series);
    for (let from = 0; from < series; from += perRequest) {
      expect(scan(from, perRequest)).toBe(perRequest);
      expect(learnAll()).toBe(perRequest);
    }
    expect(kernel.table.size).toBe(series);
    for (let from = series - perRequest; from >= 0; from -= perRequest) {
      expect(scan(from, perRequest)).toBe(0);
    }
  });

  it('learns nothing more when it is full, and goes on knowing what it knows', () => {
    const { kernel, scan, learnAll } = kernelOf(1_000);
    scan(0, 1_500);
    expect(learnAll()).toBe(1_000);
    expect(scan(0, 1_500)).toBe(500);
    expect(kernel.table.size).toBe(1_000);
    expect(Object.fromEntries(kernel.table.counts())).toEqual({ 1: 1_000 });
  });

  it('forgets what was not seen since, and what its scope’s owner gave up', () => {
    const { kernel, scan, learnAll } = kernelOf(1_000);
    scan(0, 100, { minute: 10 });
    learnAll();
    scan(100, 100, { minute: 10, scope: 2 });
    learnAll();
    scan(50, 50, { minute: 20 });
    expect(kernel.table.expire(11, () => true)).toBe(150);
    expect(scan(0, 100, { minute: 20 })).toBe(50);
    expect(Object.fromEntries(kernel.table.counts())).toEqual({ 1: 50 });
    expect(kernel.table.expire(0, (scope) => scope !== 1)).toBe(50);
    expect(kernel.table.size).toBe(0);
    expect(scan(0, 1_000, { minute: 21 })).toBe(1_000);
    expect(learnAll()).toBe(1_000);
  });

  it('learns the labels of a series that is written anew', () => {
    const { kernel, scan } = kernelOf(10);
    scan(0, 1);
    const labels = Buffer.from(kernel.labelBytes(0));
    scan(1, 1);
    expect(kernel.learnLabels(labels, verdict.pass)).toBe(true);
    expect(kernel.learnLabels(labels, verdict.pass)).toBe(false);
    expect(kernel.verdictOfLabels(labels)).toBe(verdict.pass);
    expect(kernel.verdictOfLabels(kernel.labelBytes(0))).toBe(verdict.unknown);
    expect(scan(0, 2)).toBe(1);
  });
});
