import type { TierSpec } from './tiers.ts';

/** Times and values of one series, side by side; NaN is a stale marker. */
export class Points {
  readonly stamps: number[] = [];
  readonly values: number[] = [];

  add(stampMs: number, value: number): void {
    this.stamps.push(stampMs);
    this.values.push(value);
  }

  clear(): void {
    this.stamps.length = 0;
    this.values.length = 0;
  }
}

/** What a series becomes in a tier; of a counter only `value`. */
export interface Aggregates {
  readonly value: Points;
  readonly min: Points;
  readonly max: Points;
  readonly count: Points;
}

/** Samples of one series in the order of time; null is a stale marker. */
export interface Samples {
  readonly timestamps: readonly number[];
  readonly values: readonly (number | null)[];
}

/** One hour of one tier: samples after `startMs` and not after `endMs`. */
export interface SliceOfTier {
  readonly spec: TierSpec;
  readonly startMs: number;
  readonly endMs: number;
  readonly version: number;
}

export function createAggregates(): Aggregates {
  return { value: new Points(), min: new Points(), max: new Points(), count: new Points() };
}
