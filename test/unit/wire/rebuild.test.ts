import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDecodeKernel,
  readSeries,
  referenceWriteRequest,
  seriesFlag,
  verdict,
  Writer,
  type SeriesContent,
} from '../../../src/wire/index.ts';
import { unsnappy } from '../../support/snappy.ts';
import { writeRequest } from '../../support/write-requests.ts';

const kernel = createDecodeKernel({
  maxDecodedBytes: 1 << 18,
  maxSeries: 100,
  maxKnownSeries: 1_000,
});
const window = { minTimestampMs: 1_650_000_000_000, maxTimestampMs: 1_750_000_000_000 };
const reserved = ['tenant', '__replica__'];

function load(bytes: Uint8Array): void {
  kernel.loadDecoded(bytes);
  expect(kernel.scan({ scope: 1, minute: 1, ...window, maxLabels: 100 })).toBe('ok');
}

/** The TimeSeries messages of a WriteRequest, each decoded in full. */
function seriesOf(bytes: Uint8Array): SeriesContent[] {
  load(bytes);
  return Array.from({ length: kernel.totals.series }, (_, i) => readSeries(kernel.seriesBytes(i)));
}

const isInWindow = (timestampMs: number) =>
  timestampMs >= window.minTimestampMs && timestampMs <= window.maxTimestampMs;

const sampleBits = ({ samples }: SeriesContent) =>
  samples.map(({ bits, timestampMs }) => [bits.toString('hex'), timestampMs]);

describe('rebuilding the accepted part', () => {
  it('keeps exactly the accepted series and samples, in order, without reserved labels', () => {
    const verdicts = fc.array(
      fc.constantFrom(
        verdict.pass,
        verdict.strip,
        verdict.observed,
        verdict.rewrite,
        verdict.firstReason,
      ),
      { minLength: 6, maxLength: 6 },
    );
    fc.assert(
      fc.property(writeRequest, verdicts, fc.boolean(), (request, chosen, withExtra) => {
        const bytes = referenceWriteRequest.encode(request);
        const before = seriesOf(bytes);
        load(bytes);
        before.forEach((_, i) => kernel.setVerdict(i, chosen[i] ?? verdict.pass));
        const clean = before.map(
          (_, i) => (kernel.flagsOf(i) & (seriesFlag.histograms | seriesFlag.exemplars)) === 0,
        );
        const extra = referenceWriteRequest.encode({
          timeseries: [{ labels: [{ name: 'extra', value: 'x' }] }],
        });
        const after = seriesOf(unsnappy(kernel.rebuild(reserved, withExtra ? extra : undefined)));
        if (withExtra) expect(after.pop()?.labels).toEqual([['extra', 'x']]);
        const expected = before.flatMap((series, i) => {
          const value = chosen[i] ?? verdict.pass;
          if (value === verdict.rewrite || value >= verdict.firstReason) return [];
          const samples = series.samples.filter(({ timestampMs }) => isInWindow(timestampMs));
          const isWhole =
            value !== verdict.strip && clean[i] && samples.length === series.samples.length;
          if (samples.length === 0 && !isWhole) return [];
          const labels =
            value === verdict.strip
              ? series.labels.filter(([name]) => !reserved.includes(name))
              : series.labels;
          return [{ labels, samples }];
        });
        expect(
          after.map(({ labels, ...rest }) => [labels, sampleBits({ labels, ...rest })]),
        ).toEqual(
          expected.map(({ labels, samples }) => [
            labels,
            samples.map(({ bits, timestampMs }) => [bits.toString('hex'), timestampMs]),
          ]),
        );
        for (const series of after) expect([...series.exemplars, ...series.histograms]).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('carries every payload of NaN bit for bit: stale markers, ordinary ones, others', () => {
    const payloads = [
      '020000000000f07f',
      '010000000000f87f',
      '0200000000f0ff7f',
      'efbeaddeefbef8ff',
      '000000000000f07f',
    ];
    const writer = new Writer();
    writer.message(0x0a, () => {
      writer.message(0x0a, () => {
        writer.text(0x0a, 'tenant');
        writer.text(0x12, 'x');
      });
      for (const [i, hex] of payloads.entries()) {
        writer.message(0x12, () => {
          writer.byte(0x09);
          writer.raw(Buffer.from(hex, 'hex'));
          writer.byte(0x10);
          writer.int64(i === 3 ? 1 : window.minTimestampMs + i);
        });
      }
    });
    const bytes = writer.finish();
    load(bytes);
    kernel.setVerdict(0, verdict.strip);
    const [series] = seriesOf(unsnappy(kernel.rebuild(reserved, undefined)));
    expect(series?.labels).toEqual([]);
    expect(series?.samples.map(({ bits }) => bits.toString('hex'))).toEqual(
      payloads.filter((_, i) => i !== 3),
    );
  });

  it('removes a reserved label in first, middle and last place, and no label that only resembles one', () => {
    const names = [
      'tenant',
      'a',
      '__replica__',
      'tenan',
      'tenants',
      'Tenant',
      '__replica',
      'tenant',
    ];
    const labels = names.map((name) => ({ name, value: name }));
    const bytes = referenceWriteRequest.encode({
      timeseries: [{ labels, samples: [{ value: 1, timestamp: window.minTimestampMs }] }],
    });
    load(bytes);
    kernel.setVerdict(0, verdict.strip);
    const [series] = seriesOf(unsnappy(kernel.rebuild(reserved, undefined)));
    expect(series?.labels.map(([name]) => name)).toEqual([
      'a',
      'tenan',
      'tenants',
      'Tenant',
      '__replica',
    ]);
  });

  it('writes series of every size around the lengths where a header grows', () => {
    for (const length of [90, 100, 110, 120, 127, 128, 129, 16_300, 16_383, 16_384, 16_500]) {
      const labels = [
        { name: 'tenant', value: 'x' },
        { name: 'v', value: 'y'.repeat(length) },
      ];
      const one = { labels, samples: [{ value: 1, timestamp: window.minTimestampMs }] };
      load(referenceWriteRequest.encode({ timeseries: [one, one, one] }));
      [verdict.strip, verdict.pass, verdict.strip].forEach((value, i) =>
        kernel.setVerdict(i, value),
      );
      const after = seriesOf(unsnappy(kernel.rebuild(reserved, undefined)));
      expect(after.map((series) => series.labels.length)).toEqual([1, 2, 1]);
      expect(after.every((series) => series.labels.at(-1)?.[1].length === length)).toBe(true);
    }
  });
});
