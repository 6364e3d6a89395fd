import type { Clock } from '../platform/index.ts';
import type { DoneSlice, TierStore } from './ports.ts';
import type { AggregateTier } from './tiers.ts';

/** A slice that its tier has acknowledged. */
export interface WrittenSlice extends DoneSlice {
  /** The tier's life from before the first sample on; undefined where nothing had to be written. */
  life: string | undefined;
}

interface Waiting extends WrittenSlice {
  sinceMs: number;
}

/** Slices that are written and not yet done, in the order of their writing. */
export interface Confirmations {
  readonly size: number;
  add(slice: WrittenSlice): void;
  /** Settles what has waited for long enough; the slices that must be written again. */
  settle(): Promise<readonly WrittenSlice[]>;
}

interface Deps {
  stores: ReadonlyMap<AggregateTier, TierStore>;
  done: (slice: DoneSlice) => Promise<void>;
  /** Age at which VictoriaMetrics has surely written what it acknowledged to disk, milliseconds. */
  afterMs: number;
  clock: Clock;
}

/**
 * VictoriaMetrics acknowledges before it is durable, flushed or not: killed, it loses its last seconds. So a slice is done
 * only when the tier still lives the same life some time later, as a batch is in `forward`.
 */
export function createConfirmations({ stores, done, afterMs, clock }: Deps): Confirmations {
  const waiting = new Map<AggregateTier, Waiting[]>();

  async function settleTier(tier: AggregateTier, queue: Waiting[]): Promise<Waiting[]> {
    let life: string | undefined;
    while (queue.length > 0) {
      const head = queue[0]!;
      if (head.life !== undefined) {
        if (clock.monotonicMs() - head.sinceMs < afterMs) return [];
        life ??= await stores.get(tier)?.life();
        if (life === undefined) return [];
        // What follows was written behind it, and marks move in order.
        if (life !== head.life) return queue.splice(0);
      }
      await done(head);
      queue.shift();
    }
    return [];
  }

  return {
    get size() {
      return [...waiting.values()].reduce((sum, { length }) => sum + length, 0);
    },
    add(slice) {
      const queue = waiting.get(slice.tier) ?? [];
      waiting.set(slice.tier, queue);
      queue.push({ ...slice, sinceMs: clock.monotonicMs() });
    },
    async settle() {
      const lost: Waiting[] = [];
      for (const [tier, queue] of waiting) lost.push(...(await settleTier(tier, queue)));
      return lost;
    },
  };
}
