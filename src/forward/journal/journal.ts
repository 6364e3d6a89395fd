import {
  mkdir,
  readFile,
  readdir,
  rename,
  unlink,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { writev, writevSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, type Clock, type Logger } from '../../platform/index.ts';
import type { Batch } from '../batch.ts';
import { encodeRecord, type JournalRecord } from './record.ts';
import {
  firstSeqOf,
  openForAppend,
  readOn,
  scanSegment,
  segmentName,
  type Segment,
} from './segment.ts';

export interface JournalOptions {
  directory: string;
  /**
   * `group`: an append is answered when its group is on the disk, which survives a power cut.
   * `off`: when the kernel has it, which survives the end of any process.
   */
  fsync: 'group' | 'off';
  segmentBytes?: number;
  segmentAgeMs?: number;
}

interface Group {
  pieces: Uint8Array[];
  bytes: number;
  samples: number;
  firstSeq: number;
  lastSeq: number;
  durable: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
}

const defaultSegmentBytes = 16 * 1024 * 1024;
const defaultSegmentAgeMs = 30_000;

/** Append-only log of accepted batches, in segments; kept until the store has surely written them to its disk. */
export class Journal {
  /** Records that could not be read at start. */
  damaged = 0;
  private readonly options: Required<JournalOptions>;
  private readonly clock: Clock;
  private readonly log: Logger;
  private segments: Segment[] = [];
  private file: FileHandle | undefined;
  private group: Group | undefined;
  private writing: Promise<void> | undefined;
  private nextSeq = 1;
  private confirmedSeq = 0;

  private constructor(options: JournalOptions, clock: Clock, log: Logger) {
    this.options = {
      segmentBytes: defaultSegmentBytes,
      segmentAgeMs: defaultSegmentAgeMs,
      ...options,
    };
    this.clock = clock;
    this.log = log;
  }

  /** Opens the directory and finds what an earlier run left; throws where it cannot be written. */
  static async open(options: JournalOptions, clock: Clock, log: Logger): Promise<Journal> {
    const journal = new Journal(options, clock, log);
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    await journal.recover();
    return journal;
  }

  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, this.group?.bytes ?? 0);
  }

  /** Everything up to this number is surely in the store. */
  get confirmed(): number {
    return this.confirmedSeq;
  }

  /** The number of the last record that is surely written. */
  get lastSeq(): number {
    return this.segments.reduce(
      (last, segment) => Math.max(last, segment.lastSeq),
      this.confirmedSeq,
    );
  }

  /** When the oldest kept segment was begun, milliseconds; undefined when nothing is kept. */
  get oldestAtMs(): number | undefined {
    return this.segments[0]?.openedAtMs;
  }

  /** Answers with the record's number when it is durable; rejects when the disk refuses it. */
  async append(batch: Batch): Promise<number> {
    const seq = this.nextSeq;
    this.nextSeq += 1;
    const record = encodeRecord(seq, batch);
    const group = (this.group ??= newGroup(seq));
    for (const piece of record.pieces) group.pieces.push(piece);
    group.bytes += record.bytes;
    group.samples += batch.samples;
    group.lastSeq = seq;
    this.writing ??= this.writeGroups();
    await group.durable;
    return seq;
  }

  /** Forgets what is surely in the store. */
  async confirm(seq: number): Promise<void> {
    if (seq <= this.confirmedSeq) return;
    this.confirmedSeq = seq;
    const current = this.file ? this.segments.at(-1) : undefined;
    const gone = this.segments.filter((one) => one !== current && one.lastSeq <= seq);
    this.segments = this.segments.filter((one) => !gone.includes(one));
    for (const segment of gone) await this.remove(segment);
    const path = join(this.options.directory, 'confirmed');
    await writeFile(`${path}.new`, String(seq), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  /** Gives up the oldest segment to make room; answers with the samples in it from `fromSeq` on. */
  async dropOldest(fromSeq: number): Promise<number | undefined> {
    const current = this.file ? this.segments.at(-1) : undefined;
    const oldest = this.segments[0];
    if (!oldest || oldest === current) return undefined;
    this.segments.shift();
    let samples = 0;
    for (let at = 0; oldest.lastSeq >= fromSeq && at < oldest.bytes;) {
      const { records, next } = await readOn(oldest, at, oldest.bytes);
      for (const { seq, batch } of records) if (seq >= fromSeq) samples += batch.samples;
      at = next;
    }
    await this.remove(oldest);
    return samples;
  }

  /** Records from `seq` on, a few megabytes at a time; the position makes the next call cheap. */
  async read(position: ReadPosition): Promise<JournalRecord[]> {
    for (;;) {
      const segment = this.segments.find((one) => one.lastSeq >= position.seq && one.bytes > 0);
      if (!segment) return [];
      const from = position.path === segment.path ? position.at : 0;
      const { records, next } = await readOn(segment, from, segment.bytes);
      const wanted = records.filter((record) => record.seq >= position.seq);
      position.path = segment.path;
      position.at = next;
      const last = wanted.at(-1);
      if (last) position.seq = last.seq + 1;
      else if (next >= segment.bytes) position.seq = segment.lastSeq + 1;
      if (wanted.length > 0) return wanted;
    }
  }

  async close(): Promise<void> {
    await this.writing;
    await this.file?.close();
    this.file = undefined;
  }

  private async recover(): Promise<void> {
    const { directory } = this.options;
    this.confirmedSeq =
      Number(await readFile(join(directory, 'confirmed'), 'utf8').catch(() => '0')) || 0;
    const found = (await readdir(directory))
      .map((name) => ({ path: join(directory, name), firstSeq: firstSeqOf(name) }))
      .filter((one): one is { path: string; firstSeq: number } => one.firstSeq !== undefined)
      .sort((a, b) => a.firstSeq - b.firstSeq);
    for (const [index, { path, firstSeq }] of found.entries()) {
      const following = found[index + 1];
      if (following && following.firstSeq - 1 <= this.confirmedSeq) {
        await unlink(path);
        continue;
      }
      const { segment, damaged } = await scanSegment(path, firstSeq);
      this.damaged += damaged;
      segment.openedAtMs = this.clock.nowMs();
      // One without a record would lend its name to the next segment, and take that along when it goes.
      const isEmpty = segment.lastSeq < firstSeq;
      if (isEmpty || segment.lastSeq <= this.confirmedSeq) await unlink(path);
      else this.segments.push(segment);
    }
    this.nextSeq = this.lastSeq + 1;
    if (this.damaged > 0) {
      this.log.warn('journal has damaged places, records around them are kept', {
        damaged: this.damaged,
      });
    }
  }

  private async writeGroups(): Promise<void> {
    // Appends of the same turn of the event loop share a group; so do those that come while one is written.
    await new Promise(setImmediate);
    while (this.group) {
      const group = this.group;
      this.group = undefined;
      try {
        await this.write(group);
        group.resolve();
      } catch (error) {
        group.reject(error);
      }
    }
    this.writing = undefined;
  }

  private async write(group: Group): Promise<void> {
    const { segment, file } = await this.currentSegment(group.firstSeq);
    try {
      let written = 0;
      // A full disk shows as a short write first.
      while (written < group.bytes) {
        const pieces =
          written === 0 ? group.pieces : [Buffer.concat(group.pieces).subarray(written)];
        written += await this.writePieces(file, pieces, segment.bytes + written);
      }
    } catch (error) {
      this.log.error('journal cannot be written', { error: messageOf(error) });
      await file.truncate(segment.bytes).catch(() => undefined);
      throw error;
    }
    segment.bytes += group.bytes;
    segment.samples += group.samples;
    segment.lastSeq = group.lastSeq;
  }

  /** Into the kernel's memory a write takes microseconds, less than a hop to another thread and back. */
  private writePieces(
    file: FileHandle,
    pieces: Uint8Array[],
    at: number,
  ): number | Promise<number> {
    if (this.options.fsync === 'off') return writevSync(file.fd, pieces, at);
    return new Promise((resolve, reject) => {
      writev(file.fd, pieces, at, (error, bytesWritten) => {
        if (error) reject(error);
        else resolve(bytesWritten);
      });
    });
  }

  private async currentSegment(firstSeq: number): Promise<{ segment: Segment; file: FileHandle }> {
    const { segmentBytes, segmentAgeMs, directory, fsync } = this.options;
    const nowMs = this.clock.nowMs();
    const last = this.segments.at(-1);
    if (this.file && last) {
      const isOld = last.bytes > 0 && nowMs - last.openedAtMs >= segmentAgeMs;
      if (last.bytes < segmentBytes && !isOld) return { segment: last, file: this.file };
      await this.file.close();
      this.file = undefined;
    }
    const path = join(directory, segmentName(firstSeq));
    const file = await openForAppend(path, fsync === 'group');
    const segment = {
      path,
      firstSeq,
      lastSeq: firstSeq - 1,
      bytes: 0,
      samples: 0,
      openedAtMs: nowMs,
    };
    this.file = file;
    this.segments.push(segment);
    return { segment, file };
  }

  private async remove(segment: Segment): Promise<void> {
    await unlink(segment.path).catch((error: unknown) => {
      this.log.warn('journal segment not removed', { error: messageOf(error) });
    });
  }
}

/** Where reading goes on. */
export interface ReadPosition {
  seq: number;
  path: string;
  at: number;
}

export const positionAt = (seq: number): ReadPosition => ({ seq, path: '', at: 0 });

function newGroup(firstSeq: number): Group {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const durable = new Promise<void>((onDone, onError) => {
    resolve = onDone;
    reject = onError;
  });
  return {
    pieces: [],
    bytes: 0,
    samples: 0,
    firstSeq,
    lastSeq: firstSeq,
    durable,
    resolve,
    reject,
  };
}
