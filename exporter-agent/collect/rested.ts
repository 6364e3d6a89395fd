import type { Collector, CollectOutcome, Emit } from './collector.ts';
import type { Point } from './run.ts';

const absentRestMs = 60_000;

/**
 * A collector that is not asked at every tick: after `everyMs`, or a minute when the host has no such thing. In between
 * its last values are told again, so that its series go on.
 */
export function rested(collector: Collector, everyMs = 0): Collector {
  let kept: Point[] = [];
  let outcome: CollectOutcome = 'not-yet';
  let askedAtMs = Number.NEGATIVE_INFINITY;
  return {
    name: collector.name,
    emits: collector.emits,
    collect(tick, emit) {
      const restMs = outcome === 'not-on-this-host' ? absentRestMs : everyMs;
      if (tick.monotonicMs - askedAtMs < restMs) {
        for (const { name, value, labels } of kept) emit(name, value, labels);
        return outcome;
      }
      kept = [];
      // A collector that throws is asked again at the next tick.
      outcome = 'not-yet';
      askedAtMs = Number.NEGATIVE_INFINITY;
      const keep: Emit = (name, value, labels = []) => {
        kept.push({ name, value, labels });
        emit(name, value, labels);
      };
      outcome = collector.collect(tick, everyMs > 0 ? keep : emit);
      askedAtMs = tick.monotonicMs;
      return outcome;
    },
  };
}
