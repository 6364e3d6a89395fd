import type { Reach } from './reach.ts';
import type { ReadTier } from './tier.ts';

export interface Grid {
  startMs: number;
  endMs: number;
  stepMs: number;
}

/** One tier's part of a range, on the grid of the whole. */
export interface Part {
  tier: ReadTier;
  grid: Grid;
}

interface Asked {
  tenantId: string;
  reach: Reach;
  nowMs: number;
}

/** The finest tier that still holds all that is read at a moment; the last one where none does. */
export function tierAt(
  tiers: readonly ReadTier[],
  atMs: number,
  { tenantId, reach, nowMs }: Asked,
): ReadTier {
  const readsFromMs = Math.min(atMs - reach.backMs, reach.pinnedMs);
  const holding = tiers.find((tier) => nowMs - tier.keptMs(tenantId) <= readsFromMs);
  const last = holding ?? tiers.at(-1);
  if (!last) throw new Error('a plan without a tier');
  return last;
}

/**
 * Which tier answers which moments of a range, oldest first. Moments before all that is kept are left out: storage may
 * still hold expired samples.
 */
export function planRange(tiers: readonly ReadTier[], grid: Grid, asked: Asked): Part[] {
  const { tenantId, nowMs } = asked;
  const oldestMs = nowMs - Math.max(...tiers.map((tier) => tier.keptMs(tenantId)));
  const parts: Part[] = [];
  for (let atMs = firstFrom(grid, oldestMs); atMs <= grid.endMs;) {
    const tier = tierAt(tiers, atMs, asked);
    const untilMs = Math.min(grid.endMs, lastBefore(grid, finerFromMs(tiers, tier, asked), atMs));
    parts.push({ tier, grid: { startMs: atMs, endMs: untilMs, stepMs: grid.stepMs } });
    atMs = untilMs + grid.stepMs;
  }
  return parts;
}

function firstFrom({ startMs, stepMs }: Grid, fromMs: number): number {
  if (startMs >= fromMs) return startMs;
  return startMs + Math.ceil((fromMs - startMs) / stepMs) * stepMs;
}

/** The last moment of the grid before the border, and at least the one that is answered now. */
function lastBefore({ startMs, stepMs }: Grid, borderMs: number, atMs: number): number {
  if (borderMs === Infinity) return Infinity;
  return Math.max(atMs, startMs + (Math.ceil((borderMs - startMs) / stepMs) - 1) * stepMs);
}

/** From when on a finer tier than this one answers; Infinity where none does. */
function finerFromMs(
  tiers: readonly ReadTier[],
  tier: ReadTier,
  { tenantId, reach, nowMs }: Asked,
): number {
  const finer = tiers[tiers.indexOf(tier) - 1];
  if (!finer) return Infinity;
  const heldFromMs = nowMs - finer.keptMs(tenantId);
  return reach.pinnedMs < heldFromMs ? Infinity : heldFromMs + reach.backMs;
}
