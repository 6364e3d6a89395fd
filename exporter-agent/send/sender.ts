import type { SpoolBuffer } from '../buffer/buffer.ts';
import type { Answer } from './answer.ts';
import type { Backoff } from './backoff.ts';
import { createDeliver, type SendDropReason } from './deliver.ts';

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

export function createSender(deps: SenderDeps): Sender {
  let sent = 0;
  const deliver = createDeliver({ ...deps, onSent: () => (sent += 1) });
  let liveOut = false;
  let stopping = false;
  let draining: Promise<void> | undefined;

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
