import type { Tick } from '../collect/collector.ts';

/** A tick later than this many intervals is a pause (suspend, stopped process): its rates would be averages of nothing known. */
const pauseIntervals = 3;

/**
 * `u64`: a smaller value is a reset, no rate.
 * `u32`: a smaller value is a wrap, as of the millisecond fields of diskstats (after 49.7 days of it).
 */
export type CounterWidth = 'u32' | 'u64';

/**
 * Counters to rates, per collector. Gives no rate for a counter's first tick, after a pause, in another
 * boot, or when it went backwards. Time is monotonic, never the wall clock.
 */
export interface Deltas {
  /** Starts a tick; before it, `perSecond` and `previous` have nothing to compare with. */
  begin(tick: Tick): void;
  /** Growth per second since the last tick, or undefined where none is known. */
  perSecond(key: string, value: number, width?: CounterWidth): number | undefined;
}

export function createDeltas(): Deltas {
  let before = new Map<string, number>();
  let now = new Map<string, number>();
  let last: Tick | undefined;
  let seconds = 0;
  return {
    begin(tick) {
      const continues = last !== undefined && isContinued(last, tick);
      seconds = last === undefined ? 0 : (tick.monotonicMs - last.monotonicMs) / 1000;
      // Only the last tick's values stay: a device that was away for a tick starts again.
      before = continues ? now : new Map<string, number>();
      now = new Map();
      last = tick;
    },
    perSecond(key, value, width = 'u64') {
      now.set(key, value);
      const earlier = before.get(key);
      if (earlier === undefined) return undefined;
      const grown = value - earlier;
      if (grown >= 0) return grown / seconds;
      return width === 'u32' ? (grown + 2 ** 32) / seconds : undefined;
    },
  };
}

/** Whether counters of two ticks may be compared. */
export function isContinued(earlier: Tick, later: Tick): boolean {
  const gapMs = later.monotonicMs - earlier.monotonicMs;
  const interval = Math.max(earlier.intervalMs, later.intervalMs);
  return earlier.bootId === later.bootId && gapMs > 0 && gapMs <= pauseIntervals * interval;
}
