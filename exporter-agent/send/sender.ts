import type { SpoolBuffer } from '../buffer/buffer.ts';
import type { Answer } from './answer.ts';
import type { Backoff } from './backoff.ts';
import { createDeliver, type SendDropReason } from './deliver.ts';

export interface SenderDeps {
  /** POSTs one compressed body. */
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
 *              └─ the server is away, or the last POST is still out: spool
 *   spool ──▶ drain, beside the live batches, at most ten a second, while the server takes them
 *
 * While the server is away a batch goes to the spool before anything else, and the oldest there is what the server is
 * asked with: a kill loses none of an outage. Once it answers, new batches go first and the gap fills behind them.
 */
export interface Sender {
  /** Takes the bodies of one tick; resolves when each was acknowledged, given up, or is in the spool. Never rejects. */
  offer(bodies: readonly Uint8Array[], timestampMs: number): Promise<void>;
  sentBatches(): number;
  /** Stops draining; then one last tick may be offered with a short timeout. */
  stop(): Promise<void>;
}

const liveTimeoutMs = 10_000;
const lastTimeoutMs = 2_000;
const drainPauseMs = 100;

export function createSender(deps: SenderDeps): Sender {
  const { spool, backoff } = deps;
  let sent = 0;
  const deliver = createDeliver({ ...deps, onSent: () => (sent += 1) });
  let reachable = true;
  let liveOut = false;
  let stopping = false;
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (!stopping && backoff.isOpen()) {
      const batch = spool.take();
      if (batch === undefined) return;
      const delivery = await deliver(batch.body, liveTimeoutMs);
      reachable = delivery.reachable;
      if (delivery.kept.length === 1 && delivery.kept[0] === batch.body) return;
      for (const part of delivery.kept) spool.add(part, batch.timestampMs);
      spool.settle(batch.seq);
      if (!reachable) return;
      await deps.sleep(drainPauseMs);
    }
  }

  function startDraining(): void {
    if (stopping || draining !== undefined || spool.stats().batches === 0) return;
    draining = drain().finally(() => (draining = undefined));
  }

  async function deliverLive(bodies: readonly Uint8Array[], timestampMs: number): Promise<void> {
    const timeoutMs = stopping ? lastTimeoutMs : liveTimeoutMs;
    for (const body of bodies) {
      const delivery = reachable ? await deliver(body, timeoutMs) : { reachable, kept: [body] };
      reachable = delivery.reachable;
      for (const part of delivery.kept) spool.add(part, timestampMs);
    }
  }

  return {
    async offer(bodies, timestampMs) {
      if (reachable && !liveOut) {
        liveOut = true;
        await deliverLive(bodies, timestampMs);
        liveOut = false;
      } else {
        for (const body of bodies) spool.add(body, timestampMs);
      }
      if (backoff.isOpen() && !liveOut) startDraining();
    },
    sentBatches: () => sent,
    async stop() {
      stopping = true;
      await draining;
    },
  };
}
