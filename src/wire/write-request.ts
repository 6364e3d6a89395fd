import { Writer } from './writer.ts';

/** A label as [name, value]. */
export type Label = readonly [name: string, value: string];

export interface Sample {
  value: number;
  timestampMs: number;
}

export interface Series {
  /** Sorted by name, unique, none empty. */
  labels: readonly Label[];
  samples: readonly Sample[];
}

export type MetricType =
  | 'unknown'
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'gaugehistogram'
  | 'summary'
  | 'info'
  | 'stateset';

/** By their numbers in both versions of the protocol. */
export const metricTypes: readonly MetricType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
];

export interface Metadata {
  metric: string;
  type: MetricType;
  help: string;
  unit: string;
}

/** The bits of Prometheus's stale marker, little endian; an ordinary NaN has others. */
export const staleMarkerBytes: Uint8Array = Uint8Array.of(2, 0, 0, 0, 0, 0, 0xf0, 0x7f);

const tag = { first: 0x0a, second: 0x12, third: 0x1a, doubleFirst: 0x09, int64Second: 0x10 };

export function writeLabels(writer: Writer, labels: readonly Label[]): void {
  for (const [name, value] of labels) {
    writer.message(tag.first, () => {
      writer.text(tag.first, name);
      writer.text(tag.second, value);
    });
  }
}

/** One Sample message; `value` is a number, or eight bytes where the exact NaN matters. */
export function writeSample(writer: Writer, value: number | Uint8Array, timestampMs: number): void {
  writer.message(tag.second, () => {
    writer.byte(tag.doubleFirst);
    if (typeof value === 'number') writer.double(value);
    else writer.raw(value);
    writer.byte(tag.int64Second);
    writer.int64(timestampMs);
  });
}

/** Appends one TimeSeries of a remote-write 1.0 WriteRequest. */
export function writeSeries(writer: Writer, series: Series): void {
  writer.message(tag.first, () => {
    writeLabels(writer, series.labels);
    for (const sample of series.samples) writeSample(writer, sample.value, sample.timestampMs);
  });
}

/** Appends one MetricMetadata of a remote-write 1.0 WriteRequest. */
export function writeMetadata(writer: Writer, metadata: Metadata): void {
  writer.message(tag.third, () => {
    writer.byte(0x08);
    writer.varint(Math.max(0, metricTypes.indexOf(metadata.type)));
    writer.text(tag.second, metadata.metric);
    writer.text(0x22, metadata.help);
    writer.text(0x2a, metadata.unit);
  });
}

/** A whole remote-write 1.0 WriteRequest, not compressed. */
export function encodeWriteRequest(
  series: readonly Series[],
  metadata: readonly Metadata[] = [],
): Buffer {
  const writer = new Writer();
  for (const one of series) writeSeries(writer, one);
  for (const one of metadata) writeMetadata(writer, one);
  return writer.finish();
}
