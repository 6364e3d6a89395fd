import { LRUCache } from 'lru-cache';
import { messageOf, type Clock, type Logger, type Meters } from '../platform/index.ts';
import type { RateWindow, RateWindowStore } from './rate-window-store.ts';

/** One request's place in its minute. */
export interface Spent {
  /** Which one it is, from 1. */
  place: number;
  /** When the window ends, milliseconds since the epoch. */
  endsAtMs: number;
}

export interface RateCounter {
  /** Counts one request; not over the allowance a second time where it is known to be spent. */
  spend(key: string, perMinute: number): Promise<Spent>;
}

interface Waiting {
  key: string;
  resolve: (spent: Spent) => void;
}

interface Deps {
  store: RateWindowStore;
  clock: Clock;
  log: Logger;
  meters: Meters;
}

export const windowMs = 60_000;
const maxKeys = 50_000;

/**
 * Requests that come while Postgres counts earlier ones go there together in the next statement: one is in work at a
 * time, however many ask. Where Postgres is away, this process counts alone.
 */
export function createRateCounter({ store, clock, log, meters }: Deps): RateCounter {
  /** The newest that is known of each key: enough to refuse, and to go on by without Postgres. */
  const known = new LRUCache<string, RateWindow>({ max: maxKeys });
  const alone = meters.counter({
    name: 'gaugeway_limits_counted_alone_total',
    help: 'Requests counted by this process alone because Postgres did not answer.',
  });
  let waiting: Waiting[] = [];
  let isCounting = false;
  let isAlone = false;

  const current = (key: string): RateWindow | undefined => {
    const window = known.get(key);
    return window && clock.nowMs() - window.startedAtMs < windowMs ? window : undefined;
  };

  async function count(batch: ReadonlyMap<string, Waiting[]>): Promise<RateWindow[]> {
    const spendings = [...batch].map(([key, asking]) => ({ key, count: asking.length }));
    try {
      const windows = await store.spend(spendings, clock.nowMs());
      if (isAlone) log.info('requests are counted together again');
      isAlone = false;
      return windows;
    } catch (error) {
      if (!isAlone) log.warn('requests are counted alone', { error: messageOf(error) });
      isAlone = true;
      return [...batch].map(([key, { length }]) => {
        alone.inc(length);
        const { spent, startedAtMs } = current(key) ?? { spent: 0, startedAtMs: clock.nowMs() };
        return { startedAtMs, spent: spent + length };
      });
    }
  }

  async function work(): Promise<void> {
    isCounting = true;
    while (waiting.length > 0) {
      const batch = byKey(waiting);
      waiting = [];
      const windows = await count(batch);
      for (const [i, [key, asking]] of [...batch].entries()) {
        const window = windows[i] ?? { spent: asking.length, startedAtMs: clock.nowMs() };
        known.set(key, window);
        give(asking, window);
      }
    }
    isCounting = false;
  }

  return {
    spend(key, perMinute) {
      const window = current(key);
      if (window && window.spent >= perMinute) {
        const endsAtMs = window.startedAtMs + windowMs;
        return Promise.resolve({ place: window.spent + 1, endsAtMs });
      }
      return new Promise((resolve) => {
        waiting.push({ key, resolve });
        if (!isCounting) void work();
      });
    },
  };
}

/** Each its place, in the order in which they came. */
function give(asking: readonly Waiting[], { spent, startedAtMs }: RateWindow): void {
  const first = spent - asking.length + 1;
  const endsAtMs = startedAtMs + windowMs;
  for (const [n, { resolve }] of asking.entries()) resolve({ place: first + n, endsAtMs });
}

function byKey(waiting: readonly Waiting[]): Map<string, Waiting[]> {
  const groups = new Map<string, Waiting[]>();
  for (const one of waiting) {
    const group = groups.get(one.key);
    if (group) group.push(one);
    else groups.set(one.key, [one]);
  }
  return groups;
}
