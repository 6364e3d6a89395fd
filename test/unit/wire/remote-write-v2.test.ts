import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readSeries,
  referenceRequestV2,
  referenceWriteRequest,
  toVersion1,
  Writer,
} from '../../../src/wire/index.ts';

const limits = { maxSymbols: 1_000, maxSeries: 100, maxBytes: 1 << 20 };

interface Series1 {
  labels: { name: string; value: string }[];
  samples: { value: number; timestamp: number }[];
  exemplars: { labels: { name: string; value: string }[]; value: number; timestamp: number }[];
  histograms: Record<string, unknown>[];
}
const decode1 = (bytes: Uint8Array) =>
  referenceWriteRequest.decode(bytes) as unknown as {
    timeseries: Series1[];
    metadata: Record<string, unknown>[];
  };
const translate = (request: object, changed: Partial<typeof limits> = {}) =>
  decode1(toVersion1(referenceRequestV2.encode(request), { ...limits, ...changed }));

const text = fc.string({ maxLength: 10, unit: 'grapheme' });
const timestamp = fc.maxSafeInteger();
const refs = fc
  .array(fc.integer({ min: 0, max: 9 }), { maxLength: 6 })
  .map((all) => (all.length % 2 === 0 ? all : all.slice(1)));
const request = fc.record({
  symbols: fc.array(text, { minLength: 9, maxLength: 9 }).map((rest) => ['', ...rest]),
  timeseries: fc.array(
    fc.record({
      labels_refs: refs,
      samples: fc.array(fc.record({ value: fc.double(), timestamp, start_timestamp: timestamp }), {
        maxLength: 3,
      }),
      exemplars: fc.array(fc.record({ labels_refs: refs, value: fc.double(), timestamp }), {
        maxLength: 2,
      }),
      histograms: fc.array(
        fc.record({
          count_int: fc.nat(),
          sum: fc.double(),
          schema: fc.integer({ min: -53, max: 8 }),
          timestamp,
          start_timestamp: timestamp,
          custom_values: fc.array(fc.double(), { maxLength: 3 }),
        }),
        { maxLength: 2 },
      ),
      created_timestamp: timestamp,
    }),
    { maxLength: 4 },
  ),
});

describe('remote write 2.0 as 1.0', () => {
  it('says what the reference says, series by series', () => {
    fc.assert(
      fc.property(request, (value) => {
        const expand = (all: readonly number[]) =>
          Array.from({ length: all.length / 2 }, (_, i) => ({
            name: value.symbols[all[2 * i] ?? 0] ?? '',
            value: value.symbols[all[2 * i + 1] ?? 0] ?? '',
          }));
        const { timeseries } = translate(value);
        expect(
          timeseries.map(({ labels, samples, exemplars }) => ({ labels, samples, exemplars })),
        ).toEqual(
          value.timeseries.map((series) => ({
            labels: expand(series.labels_refs),
            samples: series.samples.map((sample) => ({
              value: sample.value,
              timestamp: sample.timestamp,
            })),
            exemplars: series.exemplars.map((exemplar) => ({
              labels: expand(exemplar.labels_refs),
              value: exemplar.value,
              timestamp: exemplar.timestamp,
            })),
          })),
        );
        for (const [i, series] of value.timeseries.entries()) {
          expect(timeseries[i]?.histograms).toMatchObject(
            series.histograms.map(({ sum, schema }) => ({ sum, schema })),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gathers metadata from the series, once for each metric', () => {
    const { metadata } = translate({
      symbols: ['', '__name__', 'a', 'help of a', 'seconds', 'job', 'b'],
      timeseries: [
        { labels_refs: [1, 2, 5, 6], metadata: { type: 1, help_ref: 3, unit_ref: 4 } },
        { labels_refs: [5, 6, 1, 2], metadata: { type: 1, help_ref: 3, unit_ref: 4 } },
        { labels_refs: [1, 6], metadata: { type: 2 } },
        { labels_refs: [1, 6], metadata: {} },
        { labels_refs: [5, 6], metadata: { type: 2 } },
      ],
    });
    expect(metadata).toEqual([
      { type: 1, metric_family_name: 'a', help: 'help of a', unit: 'seconds' },
      { type: 2, metric_family_name: 'b', help: '', unit: '' },
    ]);
  });

  it('keeps the bits of every NaN', () => {
    const writer = new Writer();
    writer.bytes(0x22, Buffer.alloc(0));
    const hex = ['020000000000f07f', 'efbeaddeefbef8ff'];
    writer.message(0x2a, () => {
      for (const bits of hex) {
        writer.message(0x12, () => {
          writer.byte(0x10);
          writer.int64(-5);
          writer.byte(0x09);
          writer.raw(Buffer.from(bits, 'hex'));
        });
      }
    });
    const bytes = toVersion1(writer.finish(), limits);
    const { samples } = readSeries(bytes.subarray(2));
    expect(samples.map(({ bits, timestampMs }) => [bits.toString('hex'), timestampMs])).toEqual(
      hex.map((bits) => [bits, -5]),
    );
  });

  it('reads references that are not packed, and fields in any order', () => {
    const writer = new Writer();
    writer.message(0x2a, () => {
      for (const reference of [1, 2]) {
        writer.byte(0x08);
        writer.varint(reference);
      }
    });
    for (const symbol of ['', 'name', 'value']) writer.text(0x22, symbol);
    expect(decode1(toVersion1(writer.finish(), limits)).timeseries[0]?.labels).toEqual([
      { name: 'name', value: 'value' },
    ]);
  });

  const sample = { value: 1, timestamp: 1 };
  it.each<[string, object, string]>([
    [
      'a reference out of range',
      { symbols: ['', 'a'], timeseries: [{ labels_refs: [1, 2] }] },
      'out of range',
    ],
    [
      'an odd number of references',
      { symbols: ['', 'a'], timeseries: [{ labels_refs: [1] }] },
      'odd number',
    ],
    [
      'a first symbol that is not empty',
      { symbols: ['a'], timeseries: [{ labels_refs: [0, 0] }] },
      'not empty',
    ],
    ['no symbols', { timeseries: [{ samples: [sample] }] }, 'no symbols'],
    [
      'a help reference out of range',
      {
        symbols: ['', '__name__', 'a'],
        timeseries: [{ labels_refs: [1, 2], metadata: { help_ref: 3 } }],
      },
      'out of range',
    ],
    [
      'a unit reference out of range',
      {
        symbols: ['', '__name__', 'a'],
        timeseries: [{ labels_refs: [1, 2], metadata: { unit_ref: 2 ** 32 - 1 } }],
      },
      'out of range',
    ],
    [
      'an exemplar’s reference out of range',
      { symbols: ['', 'a'], timeseries: [{ exemplars: [{ labels_refs: [1, 9] }] }] },
      'out of range',
    ],
    [
      'an exemplar’s odd references',
      { symbols: ['', 'a'], timeseries: [{ exemplars: [{ labels_refs: [1, 1, 1] }] }] },
      'odd number',
    ],
    [
      'too many series',
      { symbols: [''], timeseries: Array.from({ length: 101 }, () => ({})) },
      'too many series',
    ],
    ['too many symbols', { symbols: Array.from({ length: 1_001 }, () => '') }, 'too many symbols'],
    [
      'too many references',
      { symbols: [''], timeseries: [{ labels_refs: Array.from({ length: 2_002 }, () => 0) }] },
      'too many label references',
    ],
  ])('%s: the whole request is refused', (_, value, message) => {
    expect(() => translate(value)).toThrow(message);
  });

  it('a symbol that unfolds beyond the limit is refused before it is written', () => {
    const value = {
      symbols: ['', 'a', 'x'.repeat(10_000)],
      timeseries: Array.from({ length: 100 }, () => ({ labels_refs: [1, 2] })),
    };
    expect(() => translate(value, { maxBytes: 500_000 })).toThrow('too large');
    expect(translate(value, { maxBytes: 1_100_000 }).timeseries).toHaveLength(100);
  });

  it('what is cut off anywhere is refused or read as something shorter, and never crashes', () => {
    const whole = referenceRequestV2.encode({
      symbols: ['', '__name__', 'a'],
      timeseries: [
        { labels_refs: [1, 2], samples: [sample], exemplars: [{ labels_refs: [1, 2], ...sample }] },
      ],
    });
    for (let length = 0; length < whole.length; length += 1) {
      try {
        const bytes = toVersion1(whole.subarray(0, length), limits);
        expect(decode1(bytes).timeseries.length).toBeLessThan(1);
      } catch (error) {
        expect(error).toHaveProperty('name', 'WireError');
      }
    }
  });
});
