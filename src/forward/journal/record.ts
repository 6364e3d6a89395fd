import { crc32 } from 'node:zlib';
import type { Label } from '../../wire/index.ts';
import type { Batch } from '../batch.ts';

/**
 * One accepted batch on disk:
 * magic u32 · payload length u32 · CRC-32 of the rest u32 · sequence number f64 · samples u32 · payload
 * where the payload is labels length u16 · labels as JSON · body. Little endian.
 */
const magic = 0x314a5747;
const headerBytes = 24;

export interface JournalRecord {
  seq: number;
  batch: Batch;
  /** Bytes on disk. */
  bytes: number;
}

export interface EncodedRecord {
  pieces: Uint8Array[];
  bytes: number;
}

export function encodeRecord(seq: number, batch: Batch): EncodedRecord {
  const labels = JSON.stringify(batch.labels);
  const labelBytes = Buffer.byteLength(labels);
  const payload = 2 + labelBytes + batch.bytes;
  const head = Buffer.allocUnsafe(headerBytes + 2 + labelBytes);
  head.writeUInt32LE(magic, 0);
  head.writeUInt32LE(payload, 4);
  head.writeDoubleLE(seq, 12);
  head.writeUInt32LE(batch.samples, 20);
  head.writeUInt16LE(labelBytes, headerBytes);
  head.write(labels, headerBytes + 2);
  let crc = crc32(head.subarray(12));
  for (const chunk of batch.body) crc = crc32(chunk, crc);
  head.writeUInt32LE(crc, 8);
  return { pieces: [head, ...batch.body], bytes: headerBytes + payload };
}

export type ReadOutcome =
  | { kind: 'record'; record: JournalRecord; next: number }
  /** What is there ends before the record does; `needs` bytes from its start would be enough. */
  | { kind: 'short'; needs: number }
  /** Bytes that are no record: a torn write or a damaged disk. `next` is where the search goes on. */
  | { kind: 'damaged'; next: number }
  | { kind: 'end' };

/** Reads the record at `at`. */
export function readRecord(bytes: Buffer, at: number): ReadOutcome {
  if (at >= bytes.length) return { kind: 'end' };
  if (bytes.length - at < headerBytes) return { kind: 'short', needs: headerBytes };
  if (bytes.readUInt32LE(at) !== magic) return { kind: 'damaged', next: findMagic(bytes, at + 1) };
  const payload = bytes.readUInt32LE(at + 4);
  const end = at + headerBytes + payload;
  if (end > bytes.length) return { kind: 'short', needs: headerBytes + payload };
  const crc = crc32(bytes.subarray(at + 12, end));
  const labelBytes = payload >= 2 ? bytes.readUInt16LE(at + headerBytes) : 0;
  if (crc !== bytes.readUInt32LE(at + 8) || labelBytes + 2 > payload) {
    return { kind: 'damaged', next: findMagic(bytes, at + 1) };
  }
  const bodyAt = at + headerBytes + 2 + labelBytes;
  const labels = JSON.parse(bytes.toString('utf8', bodyAt - labelBytes, bodyAt)) as Label[];
  const body = Buffer.from(bytes.subarray(bodyAt, end));
  const batch = { labels, body: [body], bytes: body.length, samples: bytes.readUInt32LE(at + 20) };
  const record = { seq: bytes.readDoubleLE(at + 12), batch, bytes: end - at };
  return { kind: 'record', record, next: end };
}

const magicBytes = Buffer.from('GWJ1');

function findMagic(bytes: Buffer, from: number): number {
  const found = bytes.indexOf(magicBytes, from);
  return found === -1 ? bytes.length : found;
}
