import { utf8 } from './labels.ts';
import { Reader } from './varint.ts';
import { metricTypes, type Metadata } from './write-request.ts';

function readOne(reader: Reader): Metadata {
  const metadata: Metadata = { metric: '', type: 'unknown', help: '', unit: '' };
  const text = () => {
    const { start, end } = reader.range();
    return utf8(reader.bytes.subarray(start, end));
  };
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x08) metadata.type = metricTypes[reader.uint32()] ?? 'unknown';
    else if (tag === 0x12) metadata.metric = text();
    else if (tag === 0x22) metadata.help = text();
    else if (tag === 0x2a) metadata.unit = text();
    else reader.skip(tag);
  }
  return metadata;
}

/** The metadata entries (field 3) of a remote-write 1.0 WriteRequest, at most `limit`. Throws WireError. */
export function readMetadata(bytes: Buffer, limit: number): Metadata[] {
  const reader = new Reader(bytes);
  const entries: Metadata[] = [];
  while (!reader.done && entries.length < limit) {
    const tag = reader.uint32();
    if (tag === 0x1a) entries.push(readOne(reader.message()));
    else reader.skip(tag);
  }
  return entries;
}
