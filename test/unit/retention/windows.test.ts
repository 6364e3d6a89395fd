import { describe, expect, it } from 'vitest';
import { createAggregates, type Samples } from '../../../src/retention/aggregates.ts';
import type { Kind } from '../../../src/retention/kinds.ts';
import { part, stampOf, tierSpecs } from '../../../src/retention/tiers.ts';
import { aggregate, growth } from '../../../src/retention/windows.ts';

const spec = tierSpecs[0]!;
const startMs = 1_700_000_400_000 - (1_700_000_400_000 % 3_600_000);
const slice = { spec, startMs, endMs: startMs + 3_600_000, version: 0 };

/** Samples every 10 s from just after the start of the slice. */
const every10s = (values: readonly (number | null)[]): Samples => ({
  timestamps: values.map((_, at) => startMs + (at + 1) * 10_000),
  values,
});

function run(samples: Samples, kind: Kind, version = 0) {
  const into = createAggregates();
  aggregate(samples, kind, { ...slice, version }, into);
  return into;
}

/** The window that ends that many minutes after the start. */
const end = (minutes: number): number => startMs + minutes * 60_000;
const stamp = (minutes: number, which: number, version = 0): number =>
  stampOf(spec, end(minutes), [which, version]);

const grownOver = (values: readonly number[]): number =>
  values.slice(1).reduce((sum, value, at) => sum + growth(values[at]!, value), 0);

describe('a gauge', () => {
  it('has average, least, greatest and number of the samples of each window', () => {
    const made = run(every10s([1, 2, 3, 4, 5, 9, -1]), 'gauge');
    expect(made.value).toEqual({
      stamps: [stamp(1, part.value), stamp(2, part.value)],
      values: [4, -1],
    });
    expect(made.min.values).toEqual([1, -1]);
    expect(made.max.values).toEqual([9, -1]);
    expect(made.count.values).toEqual([6, 1]);
  });

  it('takes a sample at the end of a window into it and one at its start into the one before', () => {
    const timestamps = [startMs, startMs + 1, end(1), end(1) + 1, end(60), end(60) + 1];
    const made = run({ timestamps, values: [1, 2, 3, 4, 5, 6] }, 'gauge');
    expect(made.count.values).toEqual([2, 1, 1]);
    expect(made.value.values).toEqual([2.5, 4, 5]);
  });

  it('has nothing in windows without samples', () => {
    const made = run({ timestamps: [end(1), end(30)], values: [1, 2] }, 'gauge');
    expect(made.value.stamps).toEqual([stamp(1, part.value), stamp(30, part.value)]);
    expect(run({ timestamps: [], values: [] }, 'gauge').value.stamps).toEqual([]);
  });

  it('ends where a stale marker came last, and only there', () => {
    const made = run(every10s([1, null, 3, 4, 5, 6, 7, null]), 'gauge');
    expect(made.count.values).toEqual([5, 1, NaN]);
    expect(made.value.values).toEqual([19 / 5, 7, NaN]);
    expect(made.value.stamps.at(-1)).toBe(stamp(3, part.end));
    expect(made.max.values.at(-1)).toBeNaN();
  });

  it('has no average of infinities of both signs, and all else', () => {
    const made = run(every10s([Infinity, -Infinity, 1]), 'gauge');
    expect(made.value.values).toEqual([]);
    expect([made.min.values, made.max.values, made.count.values]).toEqual([
      [-Infinity],
      [Infinity],
      [3],
    ]);
  });
});

describe('a counter', () => {
  it('has its last value, and its first one once a slice', () => {
    const made = run(every10s([1, 2, 3, 4, 5, 9, 10, 11]), 'counter');
    expect(made.value).toEqual({
      stamps: [stamp(1, part.first), stamp(1, part.value), stamp(2, part.value)],
      values: [1, 9, 11],
    });
    expect(made.count.stamps).toEqual([]);
  });

  it.each([
    ['a fall that shows by itself', [100, 120, 130, 130, 130, 130, 3, 5, 7], [100, 130, 7]],
    ['a fall that is hidden', [5, 6, 7, 8, 9, 10, 90, 3, 30], [5, 10, 90, 0, 30]],
    ['several falls', [5, 6, 7, 8, 9, 10, 90, 3, 80, 2, 30], [5, 10, 170, 0, 30]],
    ['a fall at once', [5, 6, 7, 8, 9, 10, 1, 30], [5, 10, 10, 0, 30]],
    ['jitter', [100, 100, 100, 100, 100, 100, 99, 101], [100, 100, 102, 101]],
  ])('keeps its growth over %s', (_what, values, stored) => {
    const made = run(every10s(values), 'counter');
    expect(made.value.values).toEqual(stored);
    expect(grownOver(stored)).toBe(grownOver(values));
  });

  it('written again covers what an earlier version may have left', () => {
    const made = run(every10s([5, 6, 7, 8, 9, 10, 90, 3, 30]), 'counter', 3);
    expect(made.value).toEqual({
      stamps: [1, 2, 3, 4]
        .map((which) => stamp(1, which, 3))
        .concat([1, 2, 3, 4].map((which) => stamp(2, which, 3))),
      values: [5, NaN, NaN, 10, NaN, 90, 0, 30],
    });
  });

  it('ends where a stale marker came last', () => {
    const made = run(every10s([1, 2, null]), 'counter');
    expect(made.value.stamps.at(-1)).toBe(stamp(2, part.end));
    expect(made.value.values).toEqual([1, 2, NaN]);
  });
});

describe('against a naive reference, over generated series', () => {
  // A linear congruential generator: the same series at every run.
  const randoms = (seed: number) => () =>
    (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;

  function generated(seed: number, isCounter: boolean): Samples {
    const random = randoms(seed);
    const timestamps: number[] = [];
    const values: (number | null)[] = [];
    let value = 0;
    for (let at = startMs - 120_000; at < slice.endMs + 120_000;) {
      at += Math.ceil(random() * (random() < 0.02 ? 400_000 : 15_000));
      if (random() < 0.05) value = 0;
      value = isCounter ? value + Math.floor(random() * 50) : Math.round(random() * 1e6) / 16;
      timestamps.push(at);
      values.push(random() < 0.03 ? null : value);
    }
    return { timestamps, values };
  }

  const seeds = Array.from({ length: 60 }, (_, at) => at + 1);

  it.each(tierSpecs)('gauges of $tier are exact', (tier) => {
    for (const seed of seeds) {
      const samples = generated(seed, false);
      const into = createAggregates();
      aggregate(samples, 'gauge', { ...slice, spec: tier }, into);
      const naive: Record<string, number[]> = { value: [], min: [], max: [], count: [] };
      for (let at = startMs; at < slice.endMs; at += tier.stepMs) {
        const within = samples.values.filter((value, index): value is number => {
          const stampMs = samples.timestamps[index]!;
          return value !== null && stampMs > at && stampMs <= at + tier.stepMs;
        });
        if (within.length === 0) continue;
        naive['value']!.push(within.reduce((sum, value) => sum + value, 0) / within.length);
        naive['min']!.push(Math.min(...within));
        naive['max']!.push(Math.max(...within));
        naive['count']!.push(within.length);
      }
      for (const [name, expected] of Object.entries(naive)) {
        const stored = into[name as keyof typeof into].values;
        expect(stored.filter((value) => !Number.isNaN(value))).toEqual(expected);
      }
    }
  });

  it.each(tierSpecs)('counters of $tier grow by the same, slice after slice', (tier) => {
    for (const seed of seeds) {
      const samples = generated(seed, true);
      const stored: number[] = [];
      const raw: number[] = [];
      for (const from of [startMs, startMs + 1_800_000]) {
        const into = createAggregates();
        const half = { spec: tier, startMs: from, endMs: from + 1_800_000, version: 0 };
        aggregate(samples, 'counter', half, into);
        stored.push(...into.value.values.filter((value) => !Number.isNaN(value)));
      }
      samples.values.forEach((value, at) => {
        const stampMs = samples.timestamps[at]!;
        if (value !== null && stampMs > startMs && stampMs <= slice.endMs) raw.push(value);
      });
      expect(grownOver(stored) + stored[0]! - raw[0]!).toBe(grownOver(raw));
    }
  });

  it('every stamp is in the part that is its own, whatever the version', () => {
    for (const tier of tierSpecs) {
      for (const version of [0, 1, 999]) {
        for (const which of Object.values(part)) {
          const stampMs = stampOf(tier, end(5), [which, version]);
          expect(Math.ceil((stampMs - (end(5) - tier.stepMs)) / tier.partMs) - 1).toBe(which);
        }
      }
    }
  });
});
