import { type Reader, WireError } from './varint.ts';
import { staleMarkerBytes, type Label } from './write-request.ts';

/** Native histogram of either protocol version (message Histogram, fields 1–17), integer counts as doubles. */
export interface NativeHistogram {
  count: number;
  sum: number;
  /** −4 … 8 exponential; −53 custom bounds. */
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  negative: readonly HistogramBucket[];
  positive: readonly HistogramBucket[];
  customBounds: readonly number[];
  timestampMs: number;
  isFloat: boolean;
  /** The sum is the stale marker: the series has ended. */
  isStale: boolean;
}

/** Observations in the bucket of that index, not cumulative. */
export interface HistogramBucket {
  index: number;
  count: number;
}

export type HistogramFault =
  | 'histogram_schema'
  | 'histogram_spans'
  | 'histogram_count_mismatch'
  | 'histogram_negative_count'
  | 'histogram_custom_bounds';

const customSchema = -53;
/** More buckets than any client makes (Prometheus limits to 160 by default); bounds what one series may unfold to. */
const maxBuckets = 2_000;

interface Span {
  offset: number;
  length: number;
}

interface Draft {
  count: number;
  sum: number;
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  isFloat: boolean;
  isStale: boolean;
  timestampMs: number;
  negativeSpans: Span[];
  positiveSpans: Span[];
  negativeDeltas: number[];
  positiveDeltas: number[];
  negativeCounts: number[];
  positiveCounts: number[];
  customBounds: number[];
}

const emptyDraft = (): Draft => ({
  count: 0,
  sum: 0,
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  isFloat: false,
  isStale: false,
  timestampMs: 0,
  negativeSpans: [],
  positiveSpans: [],
  negativeDeltas: [],
  positiveDeltas: [],
  negativeCounts: [],
  positiveCounts: [],
  customBounds: [],
});

const zigzag = (value: number) => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

function readSpan(reader: Reader): Span {
  const span = { offset: 0, length: 0 };
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x08) span.offset = zigzag(reader.uint32());
    else if (tag === 0x10) span.length = reader.uint32();
    else reader.skip(tag);
  }
  return span;
}

function readPacked(reader: Reader, into: number[], read: (from: Reader) => number): void {
  const inner = reader.message();
  while (!inner.done) {
    if (into.length >= maxBuckets) throw new WireError('native histogram with too many buckets');
    into.push(read(inner));
  }
}

const fields: Readonly<Record<number, (draft: Draft, reader: Reader) => void>> = {
  0x08: (draft, reader) => (draft.count = reader.varint()),
  0x11: (draft, reader) => {
    draft.count = reader.double();
    draft.isFloat = true;
  },
  0x19: (draft, reader) => {
    const bits = reader.bytes.subarray(reader.at, reader.at + 8);
    draft.sum = reader.double();
    draft.isStale = bits.equals(staleMarkerBytes);
  },
  0x20: (draft, reader) => (draft.schema = zigzag(reader.uint32())),
  0x29: (draft, reader) => (draft.zeroThreshold = reader.double()),
  0x30: (draft, reader) => (draft.zeroCount = reader.varint()),
  0x39: (draft, reader) => (draft.zeroCount = reader.double()),
  0x42: (draft, reader) => draft.negativeSpans.push(readSpan(reader.message())),
  0x4a: (draft, reader) => readPacked(reader, draft.negativeDeltas, (from) => from.sint64()),
  0x52: (draft, reader) => readPacked(reader, draft.negativeCounts, (from) => from.double()),
  0x5a: (draft, reader) => draft.positiveSpans.push(readSpan(reader.message())),
  0x62: (draft, reader) => readPacked(reader, draft.positiveDeltas, (from) => from.sint64()),
  0x6a: (draft, reader) => readPacked(reader, draft.positiveCounts, (from) => from.double()),
  0x78: (draft, reader) => (draft.timestampMs = reader.int64()),
  0x82: (draft, reader) => readPacked(reader, draft.customBounds, (from) => from.double()),
};

function toBuckets(
  spans: readonly Span[],
  counts: readonly number[],
): HistogramBucket[] | undefined {
  const buckets: HistogramBucket[] = [];
  let index = 0;
  for (const [position, span] of spans.entries()) {
    if (position > 0 && span.offset < 0) return undefined;
    index += span.offset;
    for (let i = 0; i < span.length; i += 1) {
      const count = counts[buckets.length];
      if (count === undefined) return undefined;
      buckets.push({ index, count });
      index += 1;
    }
  }
  return buckets.length === counts.length ? buckets : undefined;
}

function fromDeltas(deltas: readonly number[]): number[] {
  let running = 0;
  return deltas.map((delta) => (running += delta));
}

function judgeSchema(histogram: NativeHistogram): HistogramFault | undefined {
  const { schema, customBounds } = histogram;
  if (schema !== customSchema) {
    return schema < -4 || schema > 8 ? 'histogram_schema' : undefined;
  }
  const increasing = customBounds.every(
    (bound, i) => i === 0 || bound > (customBounds[i - 1] ?? NaN),
  );
  const beyond = histogram.positive.some(({ index }) => index < 0 || index > customBounds.length);
  const sound = increasing && !beyond && histogram.negative.length === 0;
  return sound ? undefined : 'histogram_custom_bounds';
}

function judgeCounts(histogram: NativeHistogram): HistogramFault | undefined {
  const { count, zeroCount, sum, isFloat } = histogram;
  const counts = [...histogram.negative, ...histogram.positive].map((bucket) => bucket.count);
  if ([zeroCount, ...counts].some((one) => one < 0)) return 'histogram_negative_count';
  const total = counts.reduce((running, one) => running + one, zeroCount);
  const close = isFloat && Math.abs(total - count) <= 1e-6 * Math.max(1, total);
  // NaN observations are in the count and in no bucket, and make the sum NaN (Prometheus, Histogram.Validate).
  const matches = Number.isNaN(sum) ? total <= count : total === count;
  return matches || close ? undefined : 'histogram_count_mismatch';
}

/** Reads one Histogram message; a fault names the first rule of Prometheus's validation that it breaks. */
export function readNativeHistogram(reader: Reader): NativeHistogram | HistogramFault {
  const draft = emptyDraft();
  while (!reader.done) {
    const tag = reader.uint32();
    const read = fields[tag];
    if (read) read(draft, reader);
    else reader.skip(tag);
  }
  const negativeCounts = draft.isFloat ? draft.negativeCounts : fromDeltas(draft.negativeDeltas);
  const positiveCounts = draft.isFloat ? draft.positiveCounts : fromDeltas(draft.positiveDeltas);
  const negative = toBuckets(draft.negativeSpans, negativeCounts);
  const positive = toBuckets(draft.positiveSpans, positiveCounts);
  if (!negative || !positive) return 'histogram_spans';
  const {
    count,
    sum,
    schema,
    zeroThreshold,
    zeroCount,
    customBounds,
    timestampMs,
    isFloat,
    isStale,
  } = draft;
  const histogram = {
    ...{
      count,
      sum,
      schema,
      zeroThreshold,
      zeroCount,
      customBounds,
      timestampMs,
      isFloat,
      isStale,
    },
    ...{ negative, positive },
  };
  return judgeSchema(histogram) ?? judgeCounts(histogram) ?? histogram;
}

/** Go's `%.3e`, which VictoriaMetrics's own `vmrange` labels use. */
function exponent(value: number): string {
  return value.toExponential(3).replace(/e([+-])(\d)$/, 'e$10$2');
}

function vmrange(low: number, high: number): string {
  return `${low === 0 ? '0' : exponent(low)}...${exponent(high)}`;
}

export interface ClassicSample {
  suffix: '_bucket' | '_sum' | '_count';
  label?: Label;
  value: number;
}

function exponentialBuckets(histogram: NativeHistogram): ClassicSample[] {
  const bound = (index: number) => 2 ** (index * 2 ** -histogram.schema);
  const bucket = (low: number, high: number, value: number): ClassicSample => ({
    suffix: '_bucket',
    label: ['vmrange', vmrange(low, high)],
    value,
  });
  const out = histogram.negative.map(({ index, count }) =>
    bucket(-bound(index), -bound(index - 1), count),
  );
  if (histogram.zeroCount > 0)
    out.push(bucket(0, histogram.zeroThreshold || 1e-9, histogram.zeroCount));
  for (const { index, count } of histogram.positive) {
    out.push(bucket(bound(index - 1), bound(index), count));
  }
  return out.filter(({ value }) => value > 0);
}

function customBuckets(histogram: NativeHistogram): ClassicSample[] {
  const counts = new Map(histogram.positive.map(({ index, count }) => [index, count]));
  let running = 0;
  return [...histogram.customBounds, Infinity].map((bound, index) => {
    running += counts.get(index) ?? 0;
    const le = bound === Infinity ? '+Inf' : String(bound);
    return { suffix: '_bucket', label: ['le', le], value: running };
  });
}

/**
 * The series that VictoriaMetrics can store of a native histogram: `_count`, `_sum` and `_bucket` with
 * `vmrange` (exponential schemas; what its `histogram_quantile` reads) or `le` (custom bounds, cumulative).
 */
export function toClassicSeries(histogram: NativeHistogram): ClassicSample[] {
  const buckets =
    histogram.schema === customSchema ? customBuckets(histogram) : exponentialBuckets(histogram);
  return [
    { suffix: '_count', value: histogram.count },
    { suffix: '_sum', value: histogram.sum },
    ...buckets,
  ];
}
