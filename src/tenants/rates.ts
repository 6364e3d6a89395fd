import type { Clock } from '../platform/index.ts';

/** Samples per second of each tenant over the last minute. */
export interface Rates {
  add(tenantId: string, samples: number): void;
  perSecond: (tenantId: string) => number;
}

const slotMs = 10_000;
const slots = 6;

/** Six slots of ten seconds each; the running one counts for the time that it has had. */
export function createRates(clock: Clock): Rates {
  const rings = new Map<string, { slot: number; counts: number[] }>();

  function ringOf(tenantId: string) {
    const now = Math.floor(clock.monotonicMs() / slotMs);
    const ring = rings.get(tenantId) ?? { slot: now, counts: new Array<number>(slots).fill(0) };
    rings.set(tenantId, ring);
    for (let slot = Math.max(ring.slot + 1, now - slots + 1); slot <= now; slot += 1) {
      ring.counts[slot % slots] = 0;
    }
    ring.slot = now;
    return ring;
  }

  return {
    add(tenantId, samples) {
      const { slot, counts } = ringOf(tenantId);
      counts[slot % slots] = (counts[slot % slots] ?? 0) + samples;
    },
    perSecond(tenantId) {
      const { counts } = ringOf(tenantId);
      const runningMs = clock.monotonicMs() % slotMs;
      const windowMs = (slots - 1) * slotMs + runningMs;
      return (counts.reduce((sum, count) => sum + count, 0) * 1_000) / windowMs;
    },
  };
}
