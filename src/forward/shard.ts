import { backoffMs, messageOf, sleep, type Clock, type Logger } from '../platform/index.ts';
import type { Batch, ForwardOutcome, ForwardRefusal } from './batch.ts';
import { Confirmation } from './confirmation.ts';
import { positionAt, type Journal, type ReadPosition } from './journal/journal.ts';
import { Lanes, bodyOf, type Entry, type Group, type LaneOptions } from './lanes.ts';
import { awayIncarnation, hiddenIncarnation, type SeriesWriter } from './series-writer.ts';
import type { ShardTally } from './meters.ts';

export interface ShardOptions extends LaneOptions {
  /** Bytes of bodies held in memory. */
  queueBytes: number;
  /** Requests to the store at one time. */
  maxConcurrentWrites: number;
  /** Bytes that the journal may take. */
  journalMaxBytes: number;
  journalOverflow: 'reject' | 'drop_oldest';
  /** After this long without a restart, what the store acknowledged is on its disk. */
  confirmAfterMs: number;
  /** How often written samples are made visible to queries. */
  flushIntervalMs: number;
}

interface ShardDeps {
  name: string;
  writer: SeriesWriter;
  /** Absent where the gateway must be stateless: then the store's answer is the sender's. */
  journal?: Journal;
  options: ShardOptions;
  clock: Clock;
  log: Logger;
  tally: ShardTally;
}

const retryAfterSeconds: Readonly<Record<ForwardRefusal, number>> = {
  queue_full: 1,
  journal_full: 10,
  journal_failed: 5,
  storage_down: 5,
  stopping: 2,
};

const overloaded = (reason: ForwardRefusal): ForwardOutcome => ({
  kind: 'overloaded',
  reason,
  retryAfterSeconds: retryAfterSeconds[reason],
});

const retryDelay = { firstMs: 100, maxMs: 2_000 };
const incarnationCheckMs = 10_000;
const checkpointMs = 1_000;
const overflowWarningMs = 60_000;
const refillLookMs = 5;

/** The way to one VictoriaMetrics: journal, queue, requests, and what happens when it is away or restarts. */
export class Shard {
  readonly name: string;
  private readonly deps: ShardDeps;
  private readonly options: ShardOptions;
  private readonly lanes: Lanes;
  private readonly confirmation: Confirmation;
  private readonly stopped = new AbortController();
  private ready: Group[] = [];
  private queuedBytes = 0;
  private inflight = 0;
  /** Number that the next queued record has; what is below was queued before. */
  private nextSeq: number;
  /** Set while records are read back from the journal because memory had no room for them. */
  private spill: ReadPosition | undefined;
  private refilling = false;
  /** Counts rewinds: answers to requests of an earlier generation say nothing any more. */
  private generation = 0;
  private isDown = false;
  private isSuspect = true;
  private incarnation: string | undefined;
  private hasUnseenWrites = false;
  private stopping = false;
  private isRefusing = false;
  private makingRoom: Promise<boolean> | undefined;
  private lastOverflowWarningMs = -Infinity;
  private timers: NodeJS.Timeout[] = [];

  constructor(deps: ShardDeps) {
    this.deps = deps;
    this.name = deps.name;
    this.options = deps.options;
    this.lanes = new Lanes(deps.options, (group) => {
      this.ready.push(group);
      this.pump();
    });
    const confirmed = deps.journal?.confirmed ?? 0;
    this.confirmation = new Confirmation(confirmed, deps.options.confirmAfterMs);
    this.nextSeq = confirmed + 1;
    if (deps.journal && deps.journal.lastSeq > confirmed) this.spill = positionAt(this.nextSeq);
    deps.writer.onDisconnect(() => void (this.isSuspect = true));
  }

  get queueBytes(): number {
    return this.queuedBytes;
  }

  get isStoreDown(): boolean {
    return this.isDown;
  }

  /** False from the moment an append was refused until one succeeds. */
  get takes(): boolean {
    return !this.isRefusing;
  }

  get journal(): Journal | undefined {
    return this.deps.journal;
  }

  start(): void {
    const every = (ms: number, run: () => Promise<unknown>) => {
      const timer = setInterval(() => {
        run().catch((error: unknown) => {
          this.deps.log.warn('forward housekeeping failed', { error: messageOf(error) });
        });
      }, ms);
      timer.unref();
      this.timers.push(timer);
    };
    // 0: the store makes samples visible in its own time.
    if (this.options.flushIntervalMs > 0) {
      every(this.options.flushIntervalMs, () => this.makeVisible());
    }
    every(checkpointMs, () => this.checkpoint());
    every(incarnationCheckMs, () => this.checkIncarnation());
    void this.checkIncarnation().finally(() => this.pump());
  }

  async accept(batch: Batch): Promise<ForwardOutcome> {
    if (this.stopping) return overloaded('stopping');
    const { journal } = this.deps;
    if (!journal) return this.acceptDirectly(batch);
    const fits = journal.bytes + batch.bytes <= this.options.journalMaxBytes;
    if (!fits && !(await this.hasRoom(journal, batch.bytes))) {
      this.isRefusing = true;
      return overloaded('journal_full');
    }
    let seq: number;
    try {
      seq = await journal.append(batch);
    } catch {
      this.isRefusing = true;
      return overloaded('journal_failed');
    }
    this.isRefusing = false;
    this.enqueue({ seq, batch });
    return { kind: 'accepted' };
  }

  /** Waits until everything accepted was answered by the store, or the signal aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    this.stopping = true;
    while (!signal.aborted && !this.isIdle) {
      this.lanes.flush();
      this.pump();
      await sleep(10, signal);
    }
  }

  async close(): Promise<void> {
    this.stopping = true;
    this.stopped.abort();
    for (const timer of this.timers) clearInterval(timer);
    this.rejectWaiting('stopping');
    await this.makeVisible().catch(() => undefined);
    await this.deps.journal?.close();
  }

  private get isIdle(): boolean {
    return this.lanes.isEmpty && this.ready.length === 0 && this.inflight === 0 && !this.spill;
  }

  private acceptDirectly(batch: Batch): Promise<ForwardOutcome> {
    if (this.isDown) return Promise.resolve(overloaded('storage_down'));
    if (this.queuedBytes + batch.bytes > this.options.queueBytes) {
      return Promise.resolve(overloaded('queue_full'));
    }
    return new Promise((settle) => {
      const seq = this.nextSeq;
      this.queue({ seq, batch, settle });
    });
  }

  private enqueue(entry: Entry): void {
    // What is read back from the journal came by here already, or will.
    if (this.spill || entry.seq < this.nextSeq) return;
    if (this.queuedBytes + entry.batch.bytes > this.options.queueBytes) {
      this.spill = positionAt(this.nextSeq);
      // Nothing else would, where the queue is empty and one batch alone is larger than it.
      this.pump();
      return;
    }
    this.queue(entry);
  }

  private queue(entry: Entry): void {
    this.nextSeq = entry.seq + 1;
    this.queuedBytes += entry.batch.bytes;
    this.confirmation.queued(entry.seq);
    this.lanes.add(entry);
  }

  private pump(): void {
    while (!this.isDown && this.inflight < this.options.maxConcurrentWrites) {
      const group = this.ready.shift();
      if (!group) break;
      void this.send(group);
    }
    if (!this.isDown && this.ready.length === 0 && this.spill && !this.refilling)
      void this.refill();
  }

  private async refill(): Promise<void> {
    const { journal } = this.deps;
    const { spill, generation } = this;
    if (!journal || !spill) return;
    this.refilling = true;
    try {
      const records = await journal.read(spill);
      // After a rewind they are read again, from further back.
      const isCurrent = generation === this.generation;
      for (const record of isCurrent ? records : []) {
        if (record.seq >= this.nextSeq) this.queue(record);
      }
      if (isCurrent && records.length === 0 && spill.seq > journal.lastSeq) this.spill = undefined;
    } catch (error) {
      this.deps.log.error('journal cannot be read', { shard: this.name, error: messageOf(error) });
      await sleep(retryDelay.maxMs, this.stopped.signal);
    } finally {
      this.refilling = false;
    }
    if (this.spill && !this.stopped.signal.aborted) setImmediate(() => this.pump());
  }

  private async send(group: Group): Promise<void> {
    const { generation } = this;
    this.inflight += 1;
    const answer = await this.deps.writer.write(group.labels, bodyOf(group));
    this.inflight -= 1;
    if (generation !== this.generation) {
      this.pump();
      return;
    }
    if (answer.kind === 'failed') {
      this.ready.unshift(group);
      this.goDown(answer.message);
      if (!this.deps.journal) this.rejectWaiting('storage_down');
      return;
    }
    this.done(group, answer.kind === 'refused' ? answer.message : undefined);
    this.pump();
  }

  private done(group: Group, refusal: string | undefined): void {
    const { tally } = this.deps;
    if (refusal === undefined) {
      tally.sentSamples += group.samples;
      this.hasUnseenWrites = true;
    } else {
      tally.refusedSamples += group.samples;
      this.deps.log.error('the store refuses a batch for good', {
        shard: this.name,
        samples: group.samples,
        error: refusal,
      });
    }
    tally.requests += 1;
    for (const { seq, batch, settle } of group.entries) {
      this.queuedBytes -= batch.bytes;
      this.confirmation.answered(seq);
      settle?.(
        refusal === undefined ? { kind: 'accepted' } : { kind: 'refused', message: refusal },
      );
    }
  }

  private goDown(message: string): void {
    this.isSuspect = true;
    if (this.isDown) return;
    this.isDown = true;
    this.deps.log.warn('storage does not take samples', { shard: this.name, error: message });
    void this.revive();
  }

  private async revive(): Promise<void> {
    const since = this.deps.clock.monotonicMs();
    for (let attempt = 0; !this.stopped.signal.aborted; attempt += 1) {
      await sleep(backoffMs(attempt, retryDelay), this.stopped.signal);
      this.deps.tally.retries += 1;
      if (await this.checkIncarnation({ afterFailure: true })) break;
    }
    if (this.stopped.signal.aborted) return;
    this.isDown = false;
    const seconds = Math.round((this.deps.clock.monotonicMs() - since) / 1000);
    this.deps.log.info('storage takes samples again', { shard: this.name, seconds });
    this.pump();
  }

  /** True while the store answers; after a restart everything not surely on its disk is sent again. */
  private async checkIncarnation(options: { afterFailure?: boolean } = {}): Promise<boolean> {
    const found = await this.deps.writer.incarnation();
    if (found === undefined) {
      this.isSuspect = true;
      return false;
    }
    const isHidden = found === hiddenIncarnation && options.afterFailure === true;
    const isOther = this.incarnation !== undefined && found !== this.incarnation;
    if (isHidden || isOther) this.rewind();
    this.incarnation = found;
    // What a node missed while it was away is sent again when it is back, so it must still be there.
    this.isSuspect = found.includes(awayIncarnation);
    return true;
  }

  private rewind(): void {
    const { journal, log, tally } = this.deps;
    if (!journal) return;
    const from = this.confirmation.rewind();
    this.generation += 1;
    this.lanes.clear();
    this.ready = [];
    this.queuedBytes = 0;
    this.nextSeq = from;
    this.spill = positionAt(from);
    tally.replays += 1;
    log.warn('storage restarted: sending again what may have been lost', {
      shard: this.name,
      fromRecord: from,
      toRecord: journal.lastSeq,
    });
    setImmediate(() => this.pump());
  }

  private async checkpoint(): Promise<void> {
    if (this.isSuspect) await this.checkIncarnation();
    if (this.isSuspect || this.isDown) return;
    const confirmed = this.confirmation.checkpoint(this.deps.clock.monotonicMs(), this.nextSeq - 1);
    await this.deps.journal?.confirm(confirmed);
  }

  private async makeVisible(): Promise<void> {
    if (!this.hasUnseenWrites || this.isDown) return;
    this.hasUnseenWrites = false;
    await this.deps.writer.makeVisible();
  }

  /** Whether a batch fits the journal, perhaps by giving up what is oldest in it. */
  private async hasRoom(journal: Journal, bytes: number): Promise<boolean> {
    while (journal.bytes + bytes > this.options.journalMaxBytes) {
      this.makingRoom ??= this.makeRoom(journal).finally(() => (this.makingRoom = undefined));
      if (!(await this.makingRoom)) return false;
    }
    return true;
  }

  private async makeRoom(journal: Journal): Promise<boolean> {
    const { log, tally, clock } = this.deps;
    let dropped: number | undefined;
    if (this.options.journalOverflow === 'drop_oldest') {
      // What is being read back is in memory then, and will be sent.
      while (this.refilling) await sleep(refillLookMs, this.stopped.signal);
      dropped = await journal.dropOldest(this.nextSeq);
      tally.droppedSamples += dropped ?? 0;
    }
    if (clock.monotonicMs() - this.lastOverflowWarningMs >= overflowWarningMs) {
      this.lastOverflowWarningMs = clock.monotonicMs();
      log.warn('journal is full', {
        shard: this.name,
        policy: this.options.journalOverflow,
        droppedSamplesSoFar: tally.droppedSamples,
      });
    }
    return dropped !== undefined;
  }

  private rejectWaiting(reason: ForwardRefusal): void {
    const waiting = [...this.lanes.clear(), ...this.ready.flatMap((group) => group.entries)];
    this.ready = [];
    for (const entry of waiting) {
      this.queuedBytes -= entry.batch.bytes;
      this.confirmation.answered(entry.seq);
      entry.settle?.(overloaded(reason));
    }
  }
}
