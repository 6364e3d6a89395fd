import { crc32 } from 'node:zlib';

/**
 * The record of a segment file, little endian:
 *
 *   length u32 of the body · crc32 u32 of all that follows · seq u32 · timestamp f64 ms · body
 */
export const headerBytes = 4 + 4 + 4 + 8;

/** A body longer than this is a broken length, not a batch. */
const maxBodyBytes = 8 * 1024 * 1024;

export interface RecordHeader {
  seq: number;
  timestampMs: number;
  bodyBytes: number;
}

export function encodeRecord(seq: number, timestampMs: number, body: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(headerBytes + body.length);
  record.writeUInt32LE(body.length, 0);
  record.writeUInt32LE(seq, 8);
  record.writeDoubleLE(timestampMs, 12);
  record.set(body, headerBytes);
  record.writeUInt32LE(crc32(record.subarray(8)), 4);
  return record;
}

/** The record at an offset, or undefined when it is cut off or does not match its checksum. */
export function readRecord(
  bytes: Buffer,
  at: number,
): (RecordHeader & { end: number }) | undefined {
  if (at + headerBytes > bytes.length) return undefined;
  const bodyBytes = bytes.readUInt32LE(at);
  const end = at + headerBytes + bodyBytes;
  if (bodyBytes > maxBodyBytes || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) return undefined;
  return {
    seq: bytes.readUInt32LE(at + 8),
    timestampMs: bytes.readDoubleLE(at + 12),
    bodyBytes,
    end,
  };
}

/** Every whole record from the start; `tornBytes` is what is left behind the last one. */
export function scanSegment(bytes: Buffer): {
  records: (RecordHeader & { offset: number })[];
  tornBytes: number;
} {
  const records: (RecordHeader & { offset: number })[] = [];
  let offset = 0;
  for (;;) {
    const record = readRecord(bytes, offset);
    if (record === undefined) return { records, tornBytes: bytes.length - offset };
    records.push({ ...record, offset });
    offset = record.end;
  }
}
