import { ByteReader, ByteWriter } from './bytes.ts';
import { symbolTag } from './symbols.ts';

const seriesTag = 0x2a;

/** Whether an uncompressed body is one of remote write 2.0: it begins with a symbol, one of 1.0 with a series. */
export function isVersion2(body: Uint8Array): boolean {
  return body[0] === symbolTag;
}

/** Series in an uncompressed body of either version; each has one sample. Throws RangeError when it is neither. */
export function countSeries(body: Uint8Array): number {
  const reader = new ByteReader(body);
  let count = 0;
  while (!reader.done) {
    if (reader.varint() !== symbolTag) count += 1;
    reader.inner();
  }
  return count;
}

/**
 * A body of remote write 2.0 as one of 1.0 (prometheus.WriteRequest), for a receiver that knows no other.
 * Metadata is left out. Throws RangeError when it is not what `encode.ts` makes.
 */
export function toVersion1(body: Uint8Array): Buffer {
  const symbols: Uint8Array[] = [];
  const out = new ByteWriter(4 * body.length);
  const reader = new ByteReader(body);
  while (!reader.done) {
    const tag = reader.varint();
    const inner = reader.inner();
    if (tag === symbolTag) symbols.push(inner);
    else if (tag === seriesTag) out.field(0x0a, toSeries1(inner, symbols));
  }
  return out.view();
}

/** TimeSeries 1: Label* {1: name 2: value}  2: Sample, the same in both versions. */
function toSeries1(series: Uint8Array, symbols: readonly Uint8Array[]): Buffer {
  const out = new ByteWriter(256);
  const reader = new ByteReader(series);
  while (!reader.done) {
    const tag = reader.varint();
    const inner = reader.inner();
    if (tag === 0x0a) putLabels(out, inner, symbols);
    else if (tag === 0x12) out.field(0x12, inner);
  }
  return out.view();
}

function putLabels(out: ByteWriter, refs: Uint8Array, symbols: readonly Uint8Array[]): void {
  const reader = new ByteReader(refs);
  const label = new ByteWriter(64);
  while (!reader.done) {
    const name = symbols[reader.varint()];
    const value = symbols[reader.varint()];
    if (name === undefined || value === undefined) throw new RangeError('no such symbol');
    label.clear();
    label.field(0x0a, name);
    label.field(0x12, value);
    out.field(0x0a, label.view());
  }
}
