import { open, readFile, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { readRecord, type JournalRecord } from './record.ts';

/** A file of records in the order of acceptance. */
export interface Segment {
  path: string;
  firstSeq: number;
  /** The last record's number; below `firstSeq` while there is none. */
  lastSeq: number;
  /** Bytes that are surely written. */
  bytes: number;
  samples: number;
  openedAtMs: number;
}

export const segmentName = (firstSeq: number) => `${String(firstSeq).padStart(16, '0')}.seg`;

export function firstSeqOf(name: string): number | undefined {
  const match = /^(\d{16})\.seg$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Opens a segment for appending; with `synchronous` a finished write is on the disk. */
export function openForAppend(path: string, synchronous: boolean): Promise<FileHandle> {
  const { O_CREAT, O_WRONLY, O_DSYNC } = constants;
  return open(path, O_CREAT | O_WRONLY | (synchronous ? O_DSYNC : 0), 0o600);
}

export interface ScannedSegment {
  segment: Segment;
  /** Places where bytes were no record: a torn tail, or damage. */
  damaged: number;
}

/** Reads a segment of an earlier run once, to know what it holds. */
export async function scanSegment(path: string, firstSeq: number): Promise<ScannedSegment> {
  const bytes = await readFile(path);
  const segment: Segment = {
    path,
    firstSeq,
    lastSeq: firstSeq - 1,
    bytes: bytes.length,
    samples: 0,
    openedAtMs: 0,
  };
  let damaged = 0;
  let at = 0;
  for (;;) {
    const read = readRecord(bytes, at);
    if (read.kind === 'end') break;
    if (read.kind === 'record') {
      segment.lastSeq = Math.max(segment.lastSeq, read.record.seq);
      segment.samples += read.record.batch.samples;
      at = read.next;
    } else {
      damaged += 1;
      at = read.kind === 'damaged' ? read.next : resync(bytes, at);
    }
  }
  return { segment, damaged };
}

function resync(bytes: Buffer, at: number): number {
  const found = bytes.indexOf('GWJ1', at + 1);
  return found === -1 ? bytes.length : found;
}

const sliceBytes = 4 * 1024 * 1024;

/** Reads on in one segment from a byte position. */
export async function readOn(
  segment: Segment,
  from: number,
  until: number,
): Promise<{ records: JournalRecord[]; next: number }> {
  const file = await open(segment.path, 'r');
  try {
    let size = Math.min(sliceBytes, until - from);
    for (;;) {
      const slice = Buffer.allocUnsafe(size);
      const { bytesRead } = await file.read(slice, 0, size, from);
      const parsed = parse(slice.subarray(0, bytesRead), from + bytesRead >= until);
      if (parsed.needs <= size || from + size >= until) {
        return { records: parsed.records, next: from + parsed.consumed };
      }
      size = Math.min(parsed.needs, until - from);
    }
  } finally {
    await file.close();
  }
}

/** Whole records of a slice; a record cut off at the end is left for the next read, unless nothing follows. */
function parse(
  slice: Buffer,
  isLast: boolean,
): { records: JournalRecord[]; consumed: number; needs: number } {
  const records: JournalRecord[] = [];
  let at = 0;
  for (;;) {
    const read = readRecord(slice, at);
    if (read.kind === 'end') return { records, consumed: at, needs: 0 };
    if (read.kind === 'record') {
      records.push(read.record);
      at = read.next;
    } else if (read.kind === 'damaged') {
      // The next record's first bytes may stand at the very end of the slice.
      const isCutOff = read.next === slice.length && !isLast;
      at = isCutOff ? Math.max(at + 1, slice.length - 3) : read.next;
    } else if (isLast) {
      at = resync(slice, at);
    } else {
      return { records, consumed: at, needs: at === 0 ? read.needs : 0 };
    }
  }
}
