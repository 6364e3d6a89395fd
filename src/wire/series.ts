import { readLabel } from './labels.ts';
import {
  readNativeHistogram,
  type HistogramFault,
  type NativeHistogram,
} from './native-histogram.ts';
import { Reader } from './varint.ts';
import type { Label } from './write-request.ts';

/** A sample with its value's eight bytes, which keep a NaN's payload. */
export interface RawSample {
  bits: Buffer;
  timestampMs: number;
}

export interface Exemplar {
  labels: readonly Label[];
  value: number;
  timestampMs: number;
}

/** Everything of one TimeSeries (remote write 1.0), decoded in full: the slow and general way. */
export interface SeriesContent {
  labels: Label[];
  samples: RawSample[];
  exemplars: Exemplar[];
  histograms: (NativeHistogram | HistogramFault)[];
}

const zero = Buffer.alloc(8);

function readSample(reader: Reader): RawSample {
  const sample: RawSample = { bits: zero, timestampMs: 0 };
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x09) {
      const from = reader.at;
      reader.skip(1);
      sample.bits = Buffer.from(reader.bytes.subarray(from, from + 8));
    } else if (tag === 0x10) {
      sample.timestampMs = reader.int64();
    } else {
      reader.skip(tag & 7);
    }
  }
  return sample;
}

function readExemplar(reader: Reader): Exemplar {
  const labels: Label[] = [];
  let value = 0;
  let timestampMs = 0;
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x0a) labels.push(readLabel(reader.message()));
    else if (tag === 0x11) value = reader.double();
    else if (tag === 0x18) timestampMs = reader.int64();
    else reader.skip(tag & 7);
  }
  return { labels, value, timestampMs };
}

/** Decodes one TimeSeries message. Throws WireError. */
export function readSeries(bytes: Buffer): SeriesContent {
  const reader = new Reader(bytes);
  const series: SeriesContent = { labels: [], samples: [], exemplars: [], histograms: [] };
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x0a) series.labels.push(readLabel(reader.message()));
    else if (tag === 0x12) series.samples.push(readSample(reader.message()));
    else if (tag === 0x1a) series.exemplars.push(readExemplar(reader.message()));
    else if (tag === 0x22) series.histograms.push(readNativeHistogram(reader.message()));
    else reader.skip(tag & 7);
  }
  return series;
}
