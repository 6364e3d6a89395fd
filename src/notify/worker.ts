import { compileSilences } from '../alerts/index.ts';
import { messageOf, sleep, type Clock, type Logger, type Meters } from '../platform/index.ts';
import { maskChannel, type Channel } from './channel.ts';
import type { AckLinks } from './ack-link.ts';
import { sortAlerts, toMessageAlert, type Message } from './message.ts';
import { createNotifyMeters, type NotifyMeters } from './meters.ts';
import { delayAfter, type SendOutcome } from './outcome.ts';
import type {
  ClaimedMessage,
  DeliveryReason,
  Outbox,
  OutboxDepth,
  SendFacts,
  Verdict,
} from './ports.ts';
import type { Send } from './sender.ts';

export interface WorkerConfig {
  /** Attempts before a message is given up. */
  attempts: number;
  backoffMs: number;
  groupWaitMs: number;
  pollMs: number;
  /** `https://gaugeway.example`; empty: messages have no links back. */
  publicUrl: string;
}

interface Deps {
  outbox: Outbox;
  find: (tenantId: string, name: string) => Channel | undefined;
  send: Send;
  links: AckLinks;
  /** Of this very start: what another one claimed is not this one's. */
  worker: string;
  clock: Clock;
  random: () => number;
  meters: Meters;
  log: Logger;
  config: WorkerConfig;
}

export interface Worker {
  start(): void;
  /** Lets what is being sent come to its end; claims nothing more. */
  stop(): Promise<void>;
  /** Whether it read the outbox lately. */
  isLive(): boolean;
}

/** Longer than a message may take, so that only a worker that is gone loses one. */
const lockMs = 60_000;
const maxMessages = 16;
const maxAlerts = 1_000;
const depthEveryMs = 5_000;
/** Several turns, each with a database that is slow. */
const livesMs = 30_000;
/** A receiver that always names a later time is believed this long; after that its refusals count. */
const patienceMs = 3_600_000;
const markTries = 6;
/** Least time between messages to one receiver (Slack: one a second; Teams: four). */
const pauses: Readonly<Partial<Record<Channel['kind'], number>>> = { slack: 1_000, teams: 250 };

export function createWorker(deps: Deps): Worker {
  return new NotifyWorker(deps);
}

class NotifyWorker implements Worker {
  private readonly deps: Deps;
  private readonly meters: NotifyMeters;
  private readonly stopping = new AbortController();
  private readonly inFlight = new Set<Promise<void>>();
  /** Channels with a message on its way, and those that must have a pause. */
  private readonly busy = new Map<string, number>();
  private depth: OutboxDepth = { queued: 0, dead: 0, oldestSeconds: 0 };
  private depthAtMs = -Infinity;
  private loop: Promise<void> = Promise.resolve();
  private isDeaf = false;
  private heardAtMs: number;

  constructor(deps: Deps) {
    this.deps = deps;
    this.meters = createNotifyMeters(deps.meters, () => this.depth);
    this.heardAtMs = deps.clock.monotonicMs();
  }

  start(): void {
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await Promise.all(this.inFlight);
  }

  isLive(): boolean {
    return this.deps.clock.monotonicMs() - this.heardAtMs < livesMs;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const claimed = await this.claim();
      for (const message of claimed) this.launch(message);
      await this.lookAtDepth();
      if (!this.isDeaf) this.heardAtMs = this.deps.clock.monotonicMs();
      if (claimed.length === 0) await sleep(this.deps.config.pollMs, signal);
      else await Promise.race([...this.inFlight, sleep(this.deps.config.pollMs, signal)]);
    }
  }

  private async claim(): Promise<ClaimedMessage[]> {
    const free = maxMessages - this.inFlight.size;
    if (free <= 0) return [];
    const { outbox, worker, config, log } = this.deps;
    try {
      const { messages, dropped } = await outbox.claim({
        ...{ worker, maxMessages: free, maxAlerts, lockMs },
        ...{ groupWaitMs: config.groupWaitMs, busy: [...this.busy.keys()] },
      });
      if (this.isDeaf) log.info('the outbox is read again');
      this.isDeaf = false;
      for (const reason of dropped) this.meters.dropped(reason, 1);
      return messages;
    } catch (error) {
      if (!this.isDeaf) log.warn('the outbox cannot be read', { error: messageOf(error) });
      this.isDeaf = true;
      this.meters.failed('claim');
      return [];
    }
  }

  private launch(message: ClaimedMessage): void {
    const key = `${message.tenantId} ${message.channel}`;
    this.busy.set(key, (this.busy.get(key) ?? 0) + 1);
    const sending = this.deliver(message)
      .catch((error: unknown) =>
        this.deps.log.error('a message was left to the next claim', { error: messageOf(error) }),
      )
      .finally(() => {
        this.inFlight.delete(sending);
        this.free(key, message);
      });
    this.inFlight.add(sending);
  }

  private free(key: string, { tenantId, channel }: ClaimedMessage): void {
    const release = () => {
      const left = (this.busy.get(key) ?? 1) - 1;
      if (left > 0) this.busy.set(key, left);
      else this.busy.delete(key);
    };
    const pause = pauses[this.deps.find(tenantId, channel)?.kind ?? 'webhook'];
    if (pause === undefined) release();
    else setTimeout(release, pause).unref();
  }

  private async deliver(claimed: ClaimedMessage): Promise<void> {
    const { outbox, find, clock, worker } = this.deps;
    const claimedAtMs = clock.monotonicMs();
    const facts = await outbox.facts(claimed);
    const kept = await this.recheck(claimed, facts);
    if (kept.deliveries.length === 0) return;
    const channel = find(kept.tenantId, kept.channel);
    if (!channel) {
      const verdict = { status: 'dead', reason: 'no-such-channel' } as const;
      await this.mark(() => outbox.finish(kept, worker, verdict, undefined));
      return;
    }
    const startedAtMs = clock.nowMs();
    const before = clock.monotonicMs();
    // This process stood still: the message is another one's by now.
    if (before - claimedAtMs > lockMs / 2) return;
    const outcome = await this.deps.send(this.compose(kept, channel, startedAtMs));
    const durationMs = clock.monotonicMs() - before;
    this.meters.attempted(channel.kind, outcome.kind, durationMs / 1_000);
    const verdict = this.judge(kept, outcome);
    const { kind, status, answer } = outcome;
    const result = kind === 'retry' && verdict.status === 'dead' ? 'dead' : kind;
    await this.mark(() =>
      outbox.finish(kept, worker, verdict, {
        ...{ startedAtMs, durationMs, outcome: result, status, answer },
      }),
    );
    this.account(kept, channel, outcome);
  }

  /** People may have acted since the message was queued. A resolved message is always sent. */
  private async recheck(claimed: ClaimedMessage, facts: SendFacts): Promise<ClaimedMessage> {
    const silencedBy = compileSilences(facts.silences);
    const reasons = new Map<string, DeliveryReason>();
    for (const { id, incidentId, kind, alert } of claimed.deliveries) {
      if (kind === 'resolved') continue;
      const labels = new Map(Object.entries(alert.labels));
      if (facts.acknowledged.has(incidentId)) reasons.set(id, 'acknowledged');
      else if (silencedBy(labels, facts.nowMs).length > 0) reasons.set(id, 'silenced');
    }
    for (const reason of new Set(reasons.values())) {
      const ids = [...reasons].filter(([, its]) => its === reason).map(([id]) => id);
      await this.deps.outbox.drop(ids, reason, this.deps.worker);
      this.meters.dropped(reason, ids.length);
    }
    return { ...claimed, deliveries: claimed.deliveries.filter(({ id }) => !reasons.has(id)) };
  }

  private compose(claimed: ClaimedMessage, channel: Channel, atMs: number): Message {
    const { publicUrl } = this.deps.config;
    const { id, tenantId, groupKey, deliveries } = claimed;
    const via = maskChannel(channel.name).slice(0, 80);
    const linkTo = (kind: 'incident' | 'message', subject: string) =>
      publicUrl === ''
        ? undefined
        : publicUrl.replace(/\/$/, '') +
          this.deps.links.pathFor({ tenantId, subject: { kind, id: subject }, via });
    const alerts = deliveries.map((delivery) =>
      toMessageAlert(delivery, linkTo('incident', delivery.incidentId)),
    );
    return {
      ...{ id, channel, groupKey, publicUrl, atMs },
      ruleName: deliveries[0]?.alert.ruleName ?? claimed.ruleKey,
      alerts: sortAlerts(alerts),
      acknowledgeUrl: alerts.length === 1 ? alerts[0]?.acknowledgeUrl : linkTo('message', id),
    };
  }

  private judge({ deliveries }: ClaimedMessage, outcome: SendOutcome): Verdict {
    if (outcome.kind === 'sent') return { status: 'sent' };
    if (outcome.kind === 'dead') return { status: 'dead', reason: 'refused' };
    const { retryAfterMs } = outcome;
    const oldestMs = Math.min(...deliveries.map(({ createdAtMs }) => createdAtMs));
    if (retryAfterMs !== undefined && this.deps.clock.nowMs() - oldestMs < patienceMs) {
      return { status: 'queued', delayMs: retryAfterMs, consumes: false };
    }
    const attempt = Math.max(...deliveries.map(({ attempts }) => attempts));
    if (attempt >= this.deps.config.attempts) {
      return { status: 'dead', reason: 'attempts-exhausted' };
    }
    const { config, random } = this.deps;
    const delayMs = retryAfterMs ?? delayAfter(attempt, { ...config, random });
    return { status: 'queued', delayMs, consumes: true };
  }

  /** What was sent and is not marked will be sent again: the database gets a while to come back. */
  private async mark(work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await work();
        return;
      } catch (error) {
        this.meters.failed('mark');
        if (attempt >= markTries) throw error;
        await sleep(250 * 2 ** attempt, this.stopping.signal);
      }
    }
  }

  private account(claimed: ClaimedMessage, channel: Channel, outcome: SendOutcome): void {
    const { clock, log } = this.deps;
    if (outcome.kind === 'sent') {
      const nowMs = clock.nowMs();
      const waits = claimed.deliveries.map(({ createdAtMs }) => (nowMs - createdAtMs) / 1_000);
      this.meters.told(channel.kind, waits);
      return;
    }
    const { kind, status, answer } = outcome;
    log.warn('a message was not taken', {
      ...{ channel: maskChannel(channel.name), outcome: kind, status, answer },
      messageId: claimed.id,
    });
  }

  private async lookAtDepth(): Promise<void> {
    const { clock, outbox } = this.deps;
    if (clock.monotonicMs() - this.depthAtMs < depthEveryMs) return;
    this.depthAtMs = clock.monotonicMs();
    try {
      this.depth = await outbox.depth();
    } catch {
      // The claim that fails as well says it.
    }
  }
}
