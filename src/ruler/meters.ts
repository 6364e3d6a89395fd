import type { Meters } from '../platform/index.ts';
import type { RuleOutcome } from './evaluate.ts';

export type LostSlot = 'fenced' | 'database';

export interface RulerMeters {
  evaluated(group: string, outcomes: readonly RuleOutcome[], seconds: number): void;
  /** The group is another ruler's now, or nobody's. */
  left(group: string): void;
  committed(missed: number, lagSeconds: number): void;
  lost(reason: LostSlot): void;
  unwritten(): void;
}

export interface RulerCounts {
  groups: number;
  pending: number;
  firing: number;
  badFiles: number;
}

/** `counts` is asked at each scrape. */
export function createRulerMeters(meters: Meters, counts: () => RulerCounts): RulerMeters {
  const evaluations = meters.counter({
    name: 'alert_evaluations_total',
    help: 'Evaluations of rules, by how they went.',
    labelNames: ['outcome'],
  });
  for (const outcome of ['ok', 'error']) evaluations.inc({ outcome }, 0);
  const durations = meters.histogram({
    name: 'gaugeway_ruler_evaluation_seconds',
    help: 'Time to evaluate one group.',
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60],
  });
  const lastSeconds = meters.gauge({
    name: 'gaugeway_ruler_group_seconds',
    help: 'Time of the last evaluation of each group that this process has.',
    labelNames: ['group'],
  });
  const lag = meters.histogram({
    name: 'gaugeway_ruler_lag_seconds',
    help: "From a group's slot to the commit of what it came to.",
    buckets: [0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60],
  });
  const missed = meters.counter({
    name: 'gaugeway_ruler_missed_slots_total',
    help: 'Slots of groups that nobody evaluated in time; they are not made up for.',
  });
  const lost = meters.counter({
    name: 'gaugeway_ruler_lost_slots_total',
    help: 'Evaluations that were thrown away: another ruler has the group, or the database was away.',
    labelNames: ['reason'],
  });
  const unwritten = meters.counter({
    name: 'gaugeway_ruler_unwritten_requests_total',
    help: 'Requests with results of rules that storage did not take.',
  });
  showCounts(meters, counts);
  return {
    left: (group) => lastSeconds.remove({ group }),
    evaluated(group, outcomes, seconds) {
      lastSeconds.set({ group }, seconds);
      for (const { error } of outcomes) {
        evaluations.inc({ outcome: error === undefined ? 'ok' : 'error' });
      }
      durations.observe(seconds);
    },
    committed(count, lagSeconds) {
      missed.inc(count);
      lag.observe(lagSeconds);
    },
    lost: (reason) => lost.inc({ reason }),
    unwritten: () => unwritten.inc(),
  };
}

function showCounts(meters: Meters, counts: () => RulerCounts): void {
  const groups = meters.gauge({
    name: 'gaugeway_ruler_groups',
    help: 'Groups that this process evaluates.',
    collect: () => groups.set(counts().groups),
  });
  const alerts = meters.gauge({
    name: 'gaugeway_ruler_alerts',
    help: 'Alerts of the groups that this process evaluates.',
    labelNames: ['state'],
    collect() {
      const { pending, firing } = counts();
      alerts.set({ state: 'pending' }, pending);
      alerts.set({ state: 'firing' }, firing);
    },
  });
  const problems = meters.gauge({
    name: 'gaugeway_ruler_problems',
    help: 'Mistakes in the rule files as they are now.',
    collect: () => problems.set(counts().badFiles),
  });
}
