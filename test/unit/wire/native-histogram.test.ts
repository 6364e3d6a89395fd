import { describe, expect, it } from 'vitest';
import {
  readSeries,
  referenceWriteRequest,
  toClassicSeries,
  Writer,
} from '../../../src/wire/index.ts';

function read(histogram: object) {
  const bytes = referenceWriteRequest.encode({ timeseries: [{ histograms: [histogram] }] });
  // One TimeSeries below 128 bytes: its content stands behind one byte of tag and one or two of length.
  const [first] = readSeries(bytes.subarray((bytes[1] ?? 0) < 0x80 ? 2 : 3)).histograms;
  if (first === undefined) throw new Error('no histogram');
  return first;
}

function classic(histogram: object) {
  const found = read(histogram);
  if (typeof found === 'string') throw new Error(found);
  return toClassicSeries(found).map(({ suffix, label, value }) => [suffix, label?.[1], value]);
}

const integer = {
  count_int: 7,
  sum: 20,
  schema: 0,
  zero_threshold: 0.001,
  zero_count_int: 1,
  positive_spans: [
    { offset: 0, length: 2 },
    { offset: 1, length: 1 },
  ],
  positive_deltas: [1, 1, -1],
  negative_spans: [{ offset: 1, length: 1 }],
  negative_deltas: [2],
  timestamp: 5,
};

const float = {
  count_float: 4.5,
  sum: 3,
  schema: 1,
  zero_count_float: 0.5,
  positive_spans: [{ offset: -1, length: 2 }],
  positive_counts: [1.5, 2.5],
  timestamp: 5,
};

const custom = {
  count_int: 6,
  sum: 9,
  schema: -53,
  custom_values: [0.5, 1, 2.5],
  positive_spans: [
    { offset: 0, length: 2 },
    { offset: 1, length: 1 },
  ],
  positive_deltas: [1, 1, 1],
  timestamp: 5,
};

describe('native histograms', () => {
  it('of integers: spans and deltas become buckets with their indexes', () => {
    expect(read(integer)).toMatchObject({
      count: 7,
      sum: 20,
      zeroCount: 1,
      positive: [
        { index: 0, count: 1 },
        { index: 1, count: 2 },
        { index: 3, count: 1 },
      ],
      negative: [{ index: 1, count: 2 }],
      timestampMs: 5,
      isFloat: false,
      isStale: false,
    });
  });

  it('of integers: become vmrange buckets, not cumulative', () => {
    expect(classic(integer)).toEqual([
      ['_count', undefined, 7],
      ['_sum', undefined, 20],
      ['_bucket', '-2.000e+00...-1.000e+00', 2],
      ['_bucket', '0...1.000e-03', 1],
      ['_bucket', '5.000e-01...1.000e+00', 1],
      ['_bucket', '1.000e+00...2.000e+00', 2],
      ['_bucket', '4.000e+00...8.000e+00', 1],
    ]);
  });

  it('of floats: counts are absolute', () => {
    expect(classic(float)).toEqual([
      ['_count', undefined, 4.5],
      ['_sum', undefined, 3],
      ['_bucket', '0...1.000e-09', 0.5],
      ['_bucket', '5.000e-01...7.071e-01', 1.5],
      ['_bucket', '7.071e-01...1.000e+00', 2.5],
    ]);
  });

  it('with custom bounds: become le buckets, cumulative to +Inf', () => {
    expect(classic(custom)).toEqual([
      ['_count', undefined, 6],
      ['_sum', undefined, 9],
      ['_bucket', '0.5', 1],
      ['_bucket', '1', 3],
      ['_bucket', '2.5', 3],
      ['_bucket', '+Inf', 6],
    ]);
  });

  it('the schema −4 and 8 hold; an empty one has a count and a sum', () => {
    for (const schema of [-4, 8]) {
      expect(classic({ schema, count_int: 0, timestamp: 1 })).toEqual([
        ['_count', undefined, 0],
        ['_sum', undefined, 0],
      ]);
    }
  });

  it.each<[string, object, string]>([
    ['a schema below −4', { schema: -5 }, 'histogram_schema'],
    ['a schema above 8', { schema: 9 }, 'histogram_schema'],
    [
      'more deltas than spans say',
      { ...integer, positive_deltas: [1, 1, -1, 1] },
      'histogram_spans',
    ],
    ['fewer deltas than spans say', { ...integer, positive_deltas: [1, 1] }, 'histogram_spans'],
    [
      'a span of four billion',
      { ...integer, positive_spans: [{ offset: 0, length: 2 ** 32 - 1 }] },
      'histogram_spans',
    ],
    [
      'a negative offset after the first span',
      {
        ...integer,
        positive_spans: [
          { offset: 0, length: 2 },
          { offset: -1, length: 1 },
        ],
      },
      'histogram_spans',
    ],
    ['a count below the buckets', { ...integer, count_int: 6 }, 'histogram_count_mismatch'],
    ['a count above the buckets', { ...integer, count_int: 8 }, 'histogram_count_mismatch'],
    [
      'a count below the buckets of NaN observations',
      { ...integer, count_int: 6, sum: NaN },
      'histogram_count_mismatch',
    ],
    [
      'a bucket below zero',
      { ...integer, positive_deltas: [1, -2, 1] },
      'histogram_negative_count',
    ],
    ['a zero bucket below zero', { ...float, zero_count_float: -1 }, 'histogram_negative_count'],
    [
      'custom bounds that do not rise',
      { ...custom, custom_values: [1, 1, 2] },
      'histogram_custom_bounds',
    ],
    [
      'custom bounds with NaN',
      { ...custom, custom_values: [0.5, NaN, 2] },
      'histogram_custom_bounds',
    ],
    [
      'a bucket beyond the custom bounds',
      { ...custom, custom_values: [0.5, 1] },
      'histogram_custom_bounds',
    ],
    [
      'negative buckets with custom bounds',
      { ...custom, count_int: 7, negative_spans: [{ offset: 0, length: 1 }], negative_deltas: [1] },
      'histogram_custom_bounds',
    ],
  ])('%s: %s', (_, histogram, fault) => {
    expect(read(histogram)).toBe(fault);
  });

  it('a count above the buckets is right where observations were NaN', () => {
    expect(read({ ...integer, count_int: 9, sum: NaN })).toMatchObject({ count: 9 });
  });

  it('knows a stale one by the bits of its sum', () => {
    const stale = (hex: string) => {
      const writer = new Writer();
      writer.message(0x22, () => {
        writer.byte(0x19);
        writer.raw(Buffer.from(hex, 'hex'));
        writer.byte(0x78);
        writer.int64(5);
      });
      return readSeries(writer.finish()).histograms[0];
    };
    expect(stale('020000000000f07f')).toMatchObject({ isStale: true, timestampMs: 5 });
    expect(stale('010000000000f87f')).toMatchObject({ isStale: false });
  });
});
