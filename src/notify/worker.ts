import { messageOf, sleep, type Clock, type Logger, type Meters } from '../platform/index.ts';
import type { Send, SendOutcome } from './channel.ts';
import { isFiring, type Message } from './message.ts';
import { createNotifyMeters, type NotifyMeters } from './meters.ts';
import type { ClaimedBatch, Outbox } from './ports.ts';
import { retryAfter, type RetryTerms } from './retry.ts';
import { maskTarget, type Target } from './target.ts';

export interface WorkerDeps {
  outbox: Outbox;
  send: Send;
  /** Where a channel's messages go: as written in the rule, or by a name that the tenant gave it. */
  targetOf: (tenantId: string, channel: string) => Promise<Target | undefined>;
  /** A signed link by which a person takes the alerts of a message over. */
  acknowledgeUrl: (tenantId: string, messageId: string) => string | undefined;
  publicUrl: string;
  retry: RetryTerms;
  /** Messages on their way at once. */
  concurrency: number;
  /** Between looks into an empty outbox, milliseconds. */
  pollMs: number;
  clock: Clock;
  meters: Meters;
  log: Logger;
}

/** Brings what is in the outbox to people: at least once, in order for each alert and channel. */
export interface NotifyWorker {
  start(): void;
  /** Lets what is on its way arrive. */
  stop(): Promise<void>;
}

const idle = { queued: 0, oldestSeconds: 0, dead: 0 };
const depthEveryMs = 5_000;

export function createNotifyWorker(deps: WorkerDeps): NotifyWorker {
  return new OutboxWorker(deps);
}

class OutboxWorker implements NotifyWorker {
  private readonly deps: WorkerDeps;
  private readonly meters: NotifyMeters;
  private readonly stopping = new AbortController();
  private loops: Promise<void>[] = [];
  private depth = idle;
  private isDeaf = false;

  constructor(deps: WorkerDeps) {
    this.deps = deps;
    this.meters = createNotifyMeters(deps.meters, () => this.depth);
  }

  start(): void {
    const loops = Array.from({ length: this.deps.concurrency }, () => this.loop());
    this.loops = [...loops, this.watchDepth()];
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops);
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const isMore = await this.next();
      if (!isMore) await sleep(this.deps.pollMs, signal);
    }
  }

  private async watchDepth(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.depth = await this.deps.outbox.depth().catch(() => this.depth);
      await sleep(depthEveryMs, signal);
    }
  }

  /** False where there was nothing to do, or the database is away. */
  private async next(): Promise<boolean> {
    const { outbox, log } = this.deps;
    try {
      const batch = await outbox.claim();
      if (this.isDeaf) log.info('the outbox is read again');
      this.isDeaf = false;
      if (batch === undefined) return false;
      await this.deliver(batch);
      return true;
    } catch (error) {
      if (!this.isDeaf) log.warn('the outbox is not read', { error: messageOf(error) });
      this.isDeaf = true;
      return false;
    }
  }

  private async deliver(batch: ClaimedBatch): Promise<void> {
    const { clock, outbox, retry } = this.deps;
    const startedAtMs = clock.nowMs();
    const startedMs = clock.monotonicMs();
    const target = await this.deps.targetOf(batch.tenantId, batch.channel);
    const outcome = target ? await this.send(target, batch) : unknownChannel;
    const durationMs = clock.monotonicMs() - startedMs;
    if (target) this.meters.tried(target.kind, outcome.kind, durationMs / 1000);
    const next = target ? retryAfter(outcome, batch.attempt, retry) : { reason: 'unknown-channel' };
    this.say(batch, outcome, next.retryInMs);
    await outbox.finish(batch, { startedAtMs, durationMs, outcome }, next);
  }

  private async send(target: Target, batch: ClaimedBatch): Promise<SendOutcome> {
    try {
      return await this.deps.send(target, this.messageOf(batch));
    } catch (error) {
      return { kind: 'retry', answer: messageOf(error) };
    }
  }

  private messageOf({ messageId, tenantId, ruleKey, alerts }: ClaimedBatch): Message {
    const url = alerts.some(isFiring) ? this.deps.acknowledgeUrl(tenantId, messageId) : undefined;
    return {
      ...{ id: messageId, tenantId, groupKey: ruleKey, publicUrl: this.deps.publicUrl },
      alerts: [...alerts].sort((a, b) => Number(isFiring(b)) - Number(isFiring(a))),
      ...(url === undefined ? {} : { acknowledgeUrl: url }),
    };
  }

  private say(batch: ClaimedBatch, outcome: SendOutcome, retryInMs: number | undefined): void {
    if (outcome.kind === 'sent') return;
    const { log } = this.deps;
    log.warn(retryInMs === undefined ? 'message given up' : 'message not sent, trying again', {
      ...{ message: batch.messageId, channel: maskTarget(batch.channel), attempt: batch.attempt },
      ...{ alerts: batch.alerts.length, status: outcome.status, retryInMs },
    });
  }
}

const unknownChannel: SendOutcome = { kind: 'dead', answer: 'the tenant has no such channel' };
