import * as fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Clock } from '../clock.ts';
import { encodeRecord, headerBytes, readRecord, scanSegment } from './segment.ts';

const segmentBytes = 64 * 1024;
const segmentName = /^(\d{10})\.seg$/;

/** Appends bytes to an open file, or throws; replaced in tests by a disk that is full. */
export type AppendBytes = (fd: number, bytes: Uint8Array) => void;

type LogClock = Pick<Clock, 'nowMs' | 'monotonicMs'>;

interface Segment {
  path: string;
  size: number;
  /** Records that are not removed. */
  waiting: number;
}

/** Where one record lies. */
export interface LogEntry {
  seq: number;
  timestampMs: number;
  /** When it came into the log, in monotonic milliseconds; before zero when an earlier run wrote it. */
  bornMs: number;
  bodyBytes: number;
  segment: Segment;
  offset: number;
}

/**
 * A queue in append-only segment files of 64 KiB, and a `settled` file with the highest removed sequence
 * number, so that a kill between two removals brings nothing back. Written through the page cache: it
 * survives the process, and a power cut up to the last full segment.
 */
export class SegmentLog {
  readonly directory: string;
  /** Segments whose end was cut off or broken when the log was opened. */
  readonly tornSegments: number;
  /** Of the bodies that wait. */
  bytes = 0;
  private readonly entries: LogEntry[];
  private readonly mark: SettledMark;
  private readonly append: AppendBytes;
  private readonly clock: LogClock;
  private nextSeq: number;
  private writer: { fd: number; segment: Segment } | undefined;

  constructor(directory: string, clock: LogClock, append: AppendBytes = appendWhole) {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.directory = directory;
    this.append = append;
    this.clock = clock;
    this.mark = openSettledMark(join(directory, 'settled'));
    const { entries, torn } = load(directory, this.mark.value(), clock);
    this.entries = entries;
    this.tornSegments = torn;
    for (const entry of entries) this.bytes += entry.bodyBytes;
    this.nextSeq = Math.max(this.mark.value(), entries.at(-1)?.seq ?? 0) + 1;
  }

  get length(): number {
    return this.entries.length;
  }

  oldest(): LogEntry | undefined {
    return this.entries[0];
  }

  /** Throws the system's error when the record could not be written whole; the log is then as before. */
  push(body: Uint8Array, timestampMs: number): void {
    const seq = this.nextSeq;
    const { fd, segment } = this.writerFor(seq);
    const record = encodeRecord(seq, timestampMs, body);
    try {
      this.append(fd, record);
    } catch (error) {
      this.abandon(fd, segment);
      throw error;
    }
    const bodyBytes = body.length;
    const bornMs = this.clock.monotonicMs();
    this.entries.push({ seq, timestampMs, bornMs, bodyBytes, segment, offset: segment.size });
    this.nextSeq += 1;
    segment.size += record.length;
    segment.waiting += 1;
    this.bytes += bodyBytes;
  }

  removeOldest(): void {
    const entry = this.entries.shift();
    if (entry === undefined) return;
    this.bytes -= entry.bodyBytes;
    this.mark.set(entry.seq);
    entry.segment.waiting -= 1;
    if (entry.segment.waiting > 0) return;
    if (this.writer?.segment === entry.segment) this.endWriter();
    fs.rmSync(entry.segment.path, { force: true });
  }

  close(): void {
    this.endWriter();
    this.mark.close();
  }

  private writerFor(seq: number): { fd: number; segment: Segment } {
    if (this.writer && this.writer.segment.size >= segmentBytes) this.endWriter();
    if (this.writer === undefined) {
      const path = join(this.directory, `${String(seq).padStart(10, '0')}.seg`);
      this.writer = { fd: fs.openSync(path, 'a', 0o600), segment: { path, size: 0, waiting: 0 } };
    }
    return this.writer;
  }

  private endWriter(): void {
    if (this.writer === undefined) return;
    const { fd } = this.writer;
    this.writer = undefined;
    // In the background: a slow disk must not hold a tick.
    fs.fdatasync(fd, () => fs.closeSync(fd));
  }

  /** Half a record must not stand before a whole one. */
  private abandon(fd: number, segment: Segment): void {
    try {
      fs.ftruncateSync(fd, segment.size);
    } catch {
      // The scan at the next start cuts it off all the same.
    }
    this.endWriter();
    if (segment.waiting === 0) fs.rmSync(segment.path, { force: true });
  }
}

/** A partial write (a disk that fills up in the middle) is an error too. */
function appendWhole(fd: number, bytes: Uint8Array): void {
  const written = fs.writeSync(fd, bytes);
  if (written === bytes.length) return;
  throw Object.assign(new Error('ENOSPC: record written in part'), { code: 'ENOSPC' });
}

/** The body of an entry, or undefined when the file does not give it back as it was written. */
export function readBody(entry: LogEntry): Buffer | undefined {
  const record = Buffer.allocUnsafe(headerBytes + entry.bodyBytes);
  try {
    const fd = fs.openSync(entry.segment.path, 'r');
    try {
      if (fs.readSync(fd, record, 0, record.length, entry.offset) !== record.length)
        return undefined;
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return undefined;
  }
  const read = readRecord(record, 0);
  return read?.seq === entry.seq ? record.subarray(headerBytes) : undefined;
}

/** What an earlier run left: whole records beyond the settled mark; segments without any are removed. */
function load(
  directory: string,
  settled: number,
  clock: LogClock,
): { entries: LogEntry[]; torn: number } {
  const entries: LogEntry[] = [];
  let torn = 0;
  const names = fs.readdirSync(directory).filter((name) => segmentName.test(name));
  for (const name of names.sort()) {
    const path = join(directory, name);
    const { records, tornBytes } = scanSegment(fs.readFileSync(path));
    const live = records.filter((record) => record.seq > settled);
    if (tornBytes > 0) torn += 1;
    if (live.length === 0) {
      fs.rmSync(path, { force: true });
      continue;
    }
    const segment: Segment = { path, size: 0, waiting: live.length };
    for (const { seq, timestampMs, offset, bodyBytes } of live) {
      // Only the wall clock tells how old it is; one from the future is taken for new.
      const ageMs = Math.max(0, clock.nowMs() - timestampMs);
      const bornMs = clock.monotonicMs() - ageMs;
      entries.push({ seq, timestampMs, bornMs, segment, offset, bodyBytes });
    }
  }
  return { entries, torn };
}

interface SettledMark {
  value(): number;
  set(seq: number): void;
  close(): void;
}

/** `[seq u32][crc32 u32]`, rewritten in place; unreadable counts as nothing settled. */
function openSettledMark(path: string): SettledMark {
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  const record = Buffer.alloc(8);
  const read = fs.readSync(fd, record, 0, 8, 0);
  let value = 0;
  if (read === 8 && crc32(record.subarray(0, 4)) === record.readUInt32LE(4)) {
    value = record.readUInt32LE(0);
  }
  return {
    value: () => value,
    set(seq) {
      value = seq;
      record.writeUInt32LE(seq, 0);
      record.writeUInt32LE(crc32(record.subarray(0, 4)), 4);
      try {
        fs.writeSync(fd, record, 0, 8, 0);
      } catch {
        // Worst case after a crash: a batch is sent twice, which the server stores once.
      }
    },
    close: () => fs.closeSync(fd),
  };
}
