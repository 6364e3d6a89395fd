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

/**
 * Aggregates of one series that a question may look at: storage counts the steps of the subquery that weighs them, and
 * refuses more than 30,000 (`-search.maxPointsPerTimeseries`). 90 days of five minutes are below it.
 */
const maxAggregates = 28_000;

interface Asked {
  tenantId: string;
  reach: Reach;
  nowMs: number;
}

/** The finest tier that holds all that is read at a moment, in a number that it can weigh; the last one where none does. */
export function tierAt(
  tiers: readonly ReadTier[],
  atMs: number,
  { tenantId, reach, nowMs }: Asked,
): ReadTier {
  const readsFromMs = Math.min(atMs - reach.backMs, reach.pinnedMs);
  const holding = tiers.find(
    (tier) => nowMs - tier.keptMs(tenantId) <= readsFromMs && canWeigh(tier, reach),
  );
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
    const untilMs = Math.min(
      grid.endMs,
      lastBefore(grid, finerFromMs(tiers, tier, asked), atMs),
      lastOfMost(tier, { ...grid, startMs: atMs }, asked.reach),
    );
    parts.push({ tier, grid: { startMs: atMs, endMs: untilMs, stepMs: grid.stepMs } });
    atMs = untilMs + grid.stepMs;
  }
  return parts;
}

/** Samples as they came are weighed by nobody. */
const stepOf = ({ stepMs }: ReadTier): number => (stepMs === 0 ? Infinity : stepMs);

const canWeigh = (tier: ReadTier, { widthMs }: Reach): boolean =>
  widthMs <= maxAggregates * stepOf(tier);

/** The last moment of the grid up to which one question to the tier does not look at too many aggregates. */
function lastOfMost(tier: ReadTier, { startMs, stepMs }: Grid, { widthMs }: Reach): number {
  const roomMs = maxAggregates * stepOf(tier) - widthMs;
  if (roomMs === Infinity) return Infinity;
  return startMs + Math.max(0, Math.floor(roomMs / stepMs)) * stepMs;
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
  const fromMs = tiers.slice(0, tiers.indexOf(tier)).flatMap((finer) => {
    const heldFromMs = nowMs - finer.keptMs(tenantId);
    const isAble = canWeigh(finer, reach) && reach.pinnedMs >= heldFromMs;
    return isAble ? [heldFromMs + reach.backMs] : [];
  });
  return Math.min(Infinity, ...fromMs);
}
