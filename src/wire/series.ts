import { readLabel } from './labels.ts';
import {
  readNativeHistogram,
  type HistogramFault,
  type NativeHistogram,
} from './native-histogram.ts';
import { Reader, WireError } from './varint.ts';
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

/** Two bytes are enough for an empty message, and an object takes a hundred: more than anyone sends is refused. */
const maxEntries = { labels: 1_000, samples: 200_000, exemplars: 10_000, histograms: 10_000 };

function push<T>(entries: T[], limit: number, read: () => T): void {
  if (entries.length >= limit) throw new WireError('too many entries in one series');
  entries.push(read());
}

function readSample(reader: Reader): RawSample {
  const sample: RawSample = { bits: zero, timestampMs: 0 };
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x09) {
      const from = reader.at;
      reader.skip(tag);
      sample.bits = Buffer.from(reader.bytes.subarray(from, from + 8));
    } else if (tag === 0x10) {
      sample.timestampMs = reader.int64();
    } else {
      reader.skip(tag);
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
    if (tag === 0x0a) push(labels, maxEntries.labels, () => readLabel(reader.message()));
    else if (tag === 0x11) value = reader.double();
    else if (tag === 0x18) timestampMs = reader.int64();
    else reader.skip(tag);
  }
  return { labels, value, timestampMs };
}

/** Decodes one TimeSeries message. Throws WireError. */
export function readSeries(bytes: Buffer): SeriesContent {
  const reader = new Reader(bytes);
  const labels: Label[] = [];
  const samples: RawSample[] = [];
  const exemplars: Exemplar[] = [];
  const histograms: (NativeHistogram | HistogramFault)[] = [];
  while (!reader.done) {
    const tag = reader.uint32();
    const next = () => reader.message();
    if (tag === 0x0a) push(labels, maxEntries.labels, () => readLabel(next()));
    else if (tag === 0x12) push(samples, maxEntries.samples, () => readSample(next()));
    else if (tag === 0x1a) push(exemplars, maxEntries.exemplars, () => readExemplar(next()));
    else if (tag === 0x22) {
      push(histograms, maxEntries.histograms, () => readNativeHistogram(next()));
    } else reader.skip(tag);
  }
  return { labels, samples, exemplars, histograms };
}
