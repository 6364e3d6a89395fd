import { isNodeMetric } from '../collect/node/metric.ts';
import type { Point } from '../collect/run.ts';

/**
 * Remote write 1.0 by hand (prometheus.WriteRequest): series keep their label bytes between ticks, so a
 * tick costs a copy per series instead of an encode.
 *
 *   WriteRequest  1: TimeSeries*
 *   TimeSeries    1: Label*  2: Sample*
 *   Label         1: name    2: value
 *   Sample        1: double  2: int64 milliseconds
 */
export interface Encoder {
  /** The points of one tick, and a stale marker for each series that was in the last tick and is not in this one. */
  encode(points: readonly Point[], timestampMs: number): EncodedTick;
  /** A stale marker for every series of the last tick: the agent ends. Undefined when there is none. */
  encodeEnd(timestampMs: number): EncodedTick | undefined;
}

export interface EncodedTick {
  /** Not compressed; valid until the next call. */
  body: Uint8Array;
  series: number;
}

interface Series {
  labelBytes: Buffer;
  tick: number;
}

/** Prometheus's stale marker: a NaN with this payload, which a JavaScript number would not keep. */
const staleNaN = Buffer.from([0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x7f]);

type LabelSet = Readonly<Record<string, string>>;

/** @param nodeLabels what the series under node_exporter's names have beside the common ones: `job`, `instance`. */
export function createEncoder(commonLabels: LabelSet, nodeLabels: LabelSet = {}): Encoder {
  const common = Object.entries(commonLabels);
  const ofNode = [...common, ...Object.entries(nodeLabels)];
  let known = new Map<string, Series>();
  let tick = 0;
  const writer = createSeriesWriter();

  function seriesOf(point: Point): Series {
    const key = keyOf(point);
    let series = known.get(key);
    if (series === undefined) {
      series = {
        labelBytes: encodeLabels([
          ['__name__', point.name],
          ...(isNodeMetric(point.name) ? ofNode : common),
          ...point.labels,
        ]),
        tick,
      };
      known.set(key, series);
    }
    series.tick = tick;
    return series;
  }

  return {
    encode(points, timestampMs) {
      tick += 1;
      writer.begin(timestampMs);
      for (const point of points) writer.append(seriesOf(point).labelBytes, point.value);
      let series = points.length;
      for (const [key, entry] of known) {
        if (entry.tick === tick) continue;
        writer.append(entry.labelBytes, 'stale');
        known.delete(key);
        series += 1;
      }
      return { body: writer.bytes(), series };
    },
    encodeEnd(timestampMs) {
      if (known.size === 0) return undefined;
      writer.begin(timestampMs);
      for (const entry of known.values()) writer.append(entry.labelBytes, 'stale');
      const series = known.size;
      known = new Map<string, Series>();
      return { body: writer.bytes(), series };
    },
  };
}

/** Grows once to the size of a tick and is used again. */
function createSeriesWriter() {
  let buffer = Buffer.allocUnsafe(16_384);
  let length = 0;
  let timestamp = varint(0);
  return {
    begin(timestampMs: number): void {
      length = 0;
      timestamp = varint(timestampMs);
    },
    append(labelBytes: Buffer, value: number | 'stale'): void {
      const sampleLength = 1 + 8 + 1 + timestamp.length;
      const seriesLength = labelBytes.length + 2 + sampleLength;
      const needed = length + 1 + 5 + seriesLength;
      if (needed > buffer.length) buffer = Buffer.concat([buffer], needed * 2);
      buffer[length++] = 0x0a;
      length = writeVarint(buffer, length, seriesLength);
      length += labelBytes.copy(buffer, length);
      buffer[length++] = 0x12;
      buffer[length++] = sampleLength;
      buffer[length++] = 0x09;
      if (value === 'stale') length += staleNaN.copy(buffer, length);
      else length = buffer.writeDoubleLE(value, length);
      buffer[length++] = 0x10;
      length += timestamp.copy(buffer, length);
    },
    bytes: (): Uint8Array => buffer.subarray(0, length),
  };
}

function keyOf(point: Point): string {
  let key: string = point.name;
  for (const [name, value] of point.labels) key += `\0${name}\0${value}`;
  return key;
}

/** Sorted by name, as the specification asks; a label without a value is no label. */
function encodeLabels(labels: readonly (readonly [string, string])[]): Buffer {
  const sorted = labels.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(
    sorted.map(([name, value]) => {
      const inner = Buffer.concat([textField(0x0a, name), textField(0x12, value)]);
      return Buffer.concat([Buffer.from([0x0a]), varint(inner.length), inner]);
    }),
  );
}

function textField(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from([tag]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}

/** For 0 ≤ value ≤ 2^53; returns the offset after it. Division, because timestamps do not fit 32-bit shifts. */
function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = value;
  let offset = at;
  while (rest >= 0x80) {
    target[offset++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[offset++] = rest;
  return offset;
}
