import type { SpoolBuffer } from '../buffer/buffer.ts';
import { describe, judge, type Answer } from './answer.ts';
import type { Backoff } from './backoff.ts';
import { splitBody } from './split.ts';

/** Why the sender gave up a batch (the buffer has its own reasons). */
export type SendDropReason = 'refused' | 'too_large';

export interface SenderDeps {
  /** POSTs one compressed WriteRequest. */
  post: (body: Uint8Array, timeoutMs: number) => Promise<Answer>;
  spool: SpoolBuffer;
  backoff: Backoff;
  sleep: (ms: number) => Promise<void>;
  onDrop: (reason: SendDropReason) => void;
  /** For the log and the heartbeat: what the server or the network said last. */
  onTrouble: (message: string) => void;
}

/**
 *   tick ──▶ offer ──▶ POST ──▶ 2xx: done
 *              │        └─────▶ no answer, 5xx, 408, 429, 401, 403: spool, back off
 *              └─ backing off, or the last POST is still out: spool
 *   spool ──▶ drain, beside the live batches, at most ten a second, while the server takes them
 *
 * The newest batch goes first: after an outage the dashboard is live again at once and the gap fills behind it.
 */
export interface Sender {
  /** Takes one batch; resolves when it was acknowledged, given up, or is in the spool. Never rejects. */
  offer(body: Uint8Array, timestampMs: number): Promise<void>;
  sentBatches(): number;
  /** Stops draining; then one last batch may be offered with a short timeout. */
  stop(): Promise<void>;
}

const liveTimeoutMs = 10_000;
const lastTimeoutMs = 2_000;
const drainPauseMs = 100;

interface Delivery {
  /** The server takes requests, whatever it thought of this one. */
  reachable: boolean;
  /** Bodies to be sent again later: the batch, or parts of it. */
  kept: Uint8Array[];
}

export function createSender(deps: SenderDeps): Sender {
  let sent = 0;
  let liveOut = false;
  let stopping = false;
  let draining: Promise<void> | undefined;

  async function deliver(body: Uint8Array, timeoutMs: number): Promise<Delivery> {
    const answer = await deps.post(body, timeoutMs);
    const verdict = judge(answer);
    if (verdict === 'keep') {
      deps.backoff.failed(answer.kind === 'answered' ? answer.retryAfterMs : undefined);
      deps.onTrouble(describe(answer));
      return { reachable: false, kept: [body] };
    }
    deps.backoff.succeeded();
    if (verdict === 'done') {
      sent += 1;
      return { reachable: true, kept: [] };
    }
    deps.onTrouble(describe(answer));
    if (verdict === 'split') return deliverHalves(body, timeoutMs);
    deps.onDrop('refused');
    return { reachable: true, kept: [] };
  }

  async function deliverHalves(body: Uint8Array, timeoutMs: number): Promise<Delivery> {
    const halves = splitBody(body);
    if (halves === undefined) {
      deps.onDrop('too_large');
      return { reachable: true, kept: [] };
    }
    const first = await deliver(halves[0], timeoutMs);
    if (!first.reachable) return { reachable: false, kept: [...first.kept, halves[1]] };
    const second = await deliver(halves[1], timeoutMs);
    return { reachable: second.reachable, kept: [...first.kept, ...second.kept] };
  }

  async function drain(): Promise<void> {
    while (!stopping && deps.backoff.isOpen()) {
      const batch = deps.spool.take();
      if (batch === undefined) return;
      const delivery = await deliver(batch.body, liveTimeoutMs);
      if (delivery.kept.length === 1 && delivery.kept[0] === batch.body) return;
      for (const part of delivery.kept) deps.spool.add(part, batch.timestampMs);
      deps.spool.settle(batch.seq);
      if (!delivery.reachable) return;
      await deps.sleep(drainPauseMs);
    }
  }

  function startDraining(): void {
    if (stopping || draining !== undefined || deps.spool.stats().batches === 0) return;
    draining = drain().finally(() => (draining = undefined));
  }

  return {
    async offer(body, timestampMs) {
      if (liveOut || !deps.backoff.isOpen()) {
        deps.spool.add(body, timestampMs);
        return;
      }
      liveOut = true;
      const delivery = await deliver(body, stopping ? lastTimeoutMs : liveTimeoutMs);
      liveOut = false;
      for (const part of delivery.kept) deps.spool.add(part, timestampMs);
      if (delivery.reachable) startDraining();
    },
    sentBatches: () => sent,
    async stop() {
      stopping = true;
      await draining;
    },
  };
}
