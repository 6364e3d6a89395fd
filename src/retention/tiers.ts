/** The tiers of aggregates; a question may also be answered by `raw`, which is none of them. */
export type AggregateTier = '1m' | '5m';

export interface TierSpec {
  readonly tier: AggregateTier;
  /** Length of a window, milliseconds. */
  readonly stepMs: number;
  /**
   * Of all samples within this time VictoriaMetrics keeps the newest (`-dedup.minScrapeInterval`), milliseconds. A
   * fifth of a window: each of its five parts holds one sample, and a later version of it covers the earlier one.
   */
  readonly partMs: number;
}

const minuteMs = 60_000;
const partsOfWindow = 5;

/** The one table of tiers, for jobs and for questions; the finest first. */
export const tierSpecs: readonly TierSpec[] = [
  { tier: '1m', stepMs: minuteMs, partMs: minuteMs / partsOfWindow },
  { tier: '5m', stepMs: 5 * minuteMs, partMs: (5 * minuteMs) / partsOfWindow },
];

/** What is aggregated, claimed and done again as one, milliseconds; windows of every tier fit into it. */
export const sliceMs = 60 * minuteMs;

/** What follows a gauge's name for its other aggregates; the plain name is its average. */
export const suffixes = { min: ':min', max: ':max', count: ':count' } as const;

/** Versions are told apart by milliseconds within a second. */
export const maxVersion = 999;

/** What a part of a window holds; the order is that of time. */
export const part = {
  /** Stale: the series ended in the window before. */
  end: 0,
  /** A counter's first value of a slice, so that no slice needs the one before it. */
  first: 1,
  /** What a counter had reached before it fell. */
  peak: 2,
  /** From where it began again. */
  floor: 3,
  /** The average of a gauge or the last value of a counter. */
  value: 4,
} as const;

/** The time of a sample of the window that ends at `windowEndMs`; the newest version is the last of its part. */
export function stampOf(
  spec: TierSpec,
  windowEndMs: number,
  [which, version]: readonly [which: number, version: number],
): number {
  return windowEndMs - (part.value - which) * spec.partMs - 1_000 + version;
}

/** The flags that a tier's VictoriaMetrics must run with, without their dash. */
export function tierFlags(tier: AggregateTier): Readonly<Record<string, string>> {
  const spec = tierSpecs.find((one) => one.tier === tier)!;
  return { 'dedup.minScrapeInterval': `${String(spec.partMs / 1_000)}s` };
}
