import type { Meters } from '../platform/index.ts';
import { tierSpecs, type AggregateTier } from './tiers.ts';

/** Hours as they left: into the tier, not taken by it, or lost by it before they were on disk. */
export type SliceOutcome = 'done' | 'failed' | 'lost';

export interface RetentionMeters {
  slice(tier: AggregateTier, outcome: SliceOutcome): void;
  written(tier: AggregateTier, samples: number): void;
  read(samples: number, seconds: number): void;
  leftOut(series: number): void;
  late(): void;
  /** How far behind a tier is, and the time until raw samples that it lacks expire, both in seconds. */
  state(tier: AggregateTier, state: { lag: number; rawLeft: number; waiting: number }): void;
}

export function createRetentionMeters(meters: Meters): RetentionMeters {
  const tierLabel = { labelNames: ['tier'] as const };
  const slices = meters.counter({
    name: 'gaugeway_retention_slices_total',
    help: 'Hours of a tenant, by what became of them in a tier.',
    labelNames: ['tier', 'outcome'],
  });
  for (const { tier } of tierSpecs) {
    for (const outcome of ['done', 'failed', 'lost']) slices.inc({ tier, outcome }, 0);
  }
  const samplesIn = meters.counter({
    name: 'gaugeway_retention_samples_in_total',
    help: 'Raw samples that were read for the tiers.',
  });
  const samplesOut = meters.counter({
    name: 'gaugeway_retention_samples_out_total',
    help: 'Samples that were written to a tier.',
    ...tierLabel,
  });
  const seconds = meters.histogram({
    name: 'gaugeway_retention_slice_seconds',
    help: 'Time to read one hour of one tenant and to write it to the tiers.',
    buckets: [0.05, 0.2, 1, 5, 15, 60, 120, 300, 900],
  });
  const leftOut = meters.counter({
    name: 'gaugeway_retention_left_out_total',
    help: 'Series of an hour that are in no tier, because their name is that of an aggregate of another metric.',
  });
  const late = meters.counter({
    name: 'gaugeway_retention_late_total',
    help: 'Hours that got samples after they had been aggregated, and are aggregated again.',
  });
  return {
    slice: (tier, outcome) => slices.inc({ tier, outcome }),
    written: (tier, samples) => samplesOut.inc({ tier }, samples),
    read(samples, tookSeconds) {
      samplesIn.inc(samples);
      seconds.observe(tookSeconds);
    },
    leftOut: (series) => leftOut.inc(series),
    late: () => late.inc(),
    state: stateMeters(meters),
  };
}

/** What each worker tells, also one that waits for its turn. */
function stateMeters(meters: Meters): RetentionMeters['state'] {
  const tierLabel = { labelNames: ['tier'] as const };
  const lag = meters.gauge({
    name: 'gaugeway_retention_lag_seconds',
    help: 'Age of the oldest hour that a tier still lacks, of the tenant that is furthest behind.',
    ...tierLabel,
  });
  const rawLeft = meters.gauge({
    name: 'gaugeway_retention_raw_left_seconds',
    help: 'Time until raw samples expire that a tier still lacks.',
    ...tierLabel,
  });
  const waiting = meters.gauge({
    name: 'gaugeway_retention_waiting_slices',
    help: 'Hours of tenants that are due and not yet in a tier.',
    ...tierLabel,
  });
  return (tier, state) => {
    lag.set({ tier }, state.lag);
    rawLeft.set({ tier }, state.rawLeft);
    waiting.set({ tier }, state.waiting);
  };
}
