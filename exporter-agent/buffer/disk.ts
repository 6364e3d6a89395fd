import * as fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { BufferDeps, SpoolBuffer } from './buffer.ts';
import { createMemoryBuffer } from './memory.ts';
import { encodeRecord, headerBytes, readRecord, scanSegment } from './segment.ts';

const segmentBytes = 64 * 1024;
const segmentName = /^(\d{10})\.seg$/;

/** What the memory ring holds while the disk refuses: five minutes of a lean host, many times over. */
const fallbackBytes = 512 * 1024;

/** The file calls that can fail for want of space; replaced in tests. */
export interface SegmentFiles {
  append(fd: number, bytes: Uint8Array): void;
}

export interface DiskBufferDeps extends BufferDeps {
  directory: string;
  /** Told once when the disk begins to refuse, and once with `undefined` when it takes records again. */
  onDiskState?: (error: unknown) => void;
  files?: SegmentFiles;
}

interface Segment {
  path: string;
  size: number;
  /** Records that are not settled. */
  waiting: number;
}

interface Entry {
  seq: number;
  timestampMs: number;
  segment: Segment;
  offset: number;
  bodyBytes: number;
}

/**
 * Append-only segments of 64 KiB and a `settled` file with the highest settled sequence number, so that a
 * kill between two batches repeats none. Written through the page cache: it survives the process, and a
 * power cut up to the last full segment. While the disk refuses (full, read-only), a memory ring takes over.
 */
export function createDiskBuffer(deps: DiskBufferDeps): SpoolBuffer {
  fs.mkdirSync(deps.directory, { recursive: true, mode: 0o700 });
  const mark = openSettledMark(join(deps.directory, 'settled'));
  const { entries, torn } = load(deps.directory, mark.value());
  if (torn > 0) deps.onDrop('spool_broken', torn);
  const fallback = createMemoryBuffer({
    ...deps,
    limits: { ...deps.limits, maxBytes: Math.min(fallbackBytes, deps.limits.maxBytes) },
  });
  const append = deps.files?.append ?? appendWhole;
  let bytes = entries.reduce((sum, entry) => sum + entry.bodyBytes, 0);
  let nextSeq = Math.max(mark.value(), entries.at(-1)?.seq ?? 0) + 1;
  let writer: { fd: number; segment: Segment } | undefined;
  let taken: 'disk' | 'memory' = 'disk';
  let refusing = false;

  function endWriter(): void {
    if (writer === undefined) return;
    const { fd } = writer;
    writer = undefined;
    fs.fdatasync(fd, () => fs.close(fd));
  }

  function removeOldest(): void {
    const entry = entries.shift();
    if (entry === undefined) return;
    bytes -= entry.bodyBytes;
    mark.set(entry.seq);
    entry.segment.waiting -= 1;
    if (entry.segment.waiting > 0) return;
    if (writer?.segment === entry.segment) endWriter();
    fs.rmSync(entry.segment.path, { force: true });
  }

  function expire(): void {
    let expired = 0;
    while (entries[0] && deps.nowMs() - entries[0].timestampMs > deps.limits.maxAgeMs) {
      removeOldest();
      expired += 1;
    }
    if (expired > 0) deps.onDrop('spool_expired', expired);
  }

  function writerFor(seq: number): { fd: number; segment: Segment } {
    if (writer && writer.segment.size >= segmentBytes) endWriter();
    if (writer === undefined) {
      const path = join(deps.directory, `${String(seq).padStart(10, '0')}.seg`);
      writer = { fd: fs.openSync(path, 'a', 0o600), segment: { path, size: 0, waiting: 0 } };
    }
    return writer;
  }

  function store(body: Uint8Array, timestampMs: number): void {
    const seq = nextSeq;
    const { fd, segment } = writerFor(seq);
    const record = encodeRecord(seq, timestampMs, body);
    try {
      append(fd, record);
    } catch (error) {
      abandon(fd, segment);
      throw error;
    }
    entries.push({ seq, timestampMs, segment, offset: segment.size, bodyBytes: body.length });
    nextSeq += 1;
    segment.size += record.length;
    segment.waiting += 1;
    bytes += body.length;
  }

  /** Half a record must not stand before a whole one. */
  function abandon(fd: number, segment: Segment): void {
    try {
      fs.ftruncateSync(fd, segment.size);
    } catch {
      // The scan at the next start cuts it off all the same.
    }
    endWriter();
    if (segment.waiting === 0) fs.rmSync(segment.path, { force: true });
  }

  function setRefusing(error: unknown): void {
    const is = error !== undefined;
    if (is !== refusing) deps.onDiskState?.(error);
    refusing = is;
  }

  return {
    add(body, timestampMs) {
      try {
        store(body, timestampMs);
        setRefusing(undefined);
      } catch (error) {
        setRefusing(error);
        fallback.add(body, timestampMs);
      }
      expire();
      let pushedOut = 0;
      while (bytes > deps.limits.maxBytes) {
        removeOldest();
        pushedOut += 1;
      }
      if (pushedOut > 0) deps.onDrop('spool_full', pushedOut);
    },
    take() {
      expire();
      for (let entry = entries[0]; entry !== undefined; entry = entries[0]) {
        const body = readBody(entry);
        taken = 'disk';
        if (body !== undefined) return { seq: entry.seq, timestampMs: entry.timestampMs, body };
        removeOldest();
        deps.onDrop('spool_broken', 1);
      }
      taken = 'memory';
      return fallback.take();
    },
    settle(seq) {
      if (taken === 'memory') fallback.settle(seq);
      else if (entries[0]?.seq === seq) removeOldest();
    },
    stats() {
      const ring = fallback.stats();
      return {
        bytes: bytes + ring.bytes,
        batches: entries.length + ring.batches,
        oldestMs: entries[0]?.timestampMs ?? ring.oldestMs,
      };
    },
    close() {
      endWriter();
      mark.close();
    },
  };
}

/** A partial write (a disk that fills up in the middle) is an error too. */
function appendWhole(fd: number, bytes: Uint8Array): void {
  const written = fs.writeSync(fd, bytes);
  if (written === bytes.length) return;
  throw Object.assign(new Error('ENOSPC: record written in part'), { code: 'ENOSPC' });
}

function readBody(entry: Entry): Buffer | undefined {
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
function load(directory: string, settled: number): { entries: Entry[]; torn: number } {
  const entries: Entry[] = [];
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
    const segment: Segment = { path, size: records.at(-1)!.end, waiting: live.length };
    for (const { seq, timestampMs, offset, bodyBytes } of live) {
      entries.push({ seq, timestampMs, segment, offset, bodyBytes });
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
