import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/index.ts';
import type { QueryMeters } from './meters.ts';
import type { QueryOutcome } from './outcome.ts';

export interface AnswerCache {
  /** The answer under this key, asked for once however many want it at the same time. Failures are not kept. */
  get(key: string, load: () => Promise<QueryOutcome>): Promise<QueryOutcome>;
}

/** Answers of the last seconds, bounded in bytes; the key must carry the tenant. */
export function createAnswerCache(deps: {
  ttlMs: number;
  maxBytes: number;
  clock: Clock;
  meters: QueryMeters;
}): AnswerCache {
  const { ttlMs, maxBytes, clock, meters } = deps;
  const kept = new LRUCache<string, Buffer>({
    maxSize: maxBytes,
    // One answer may not push out all others.
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 4)),
    sizeCalculation: (body, key) => body.length + key.length * 2 + 1,
    ttl: ttlMs,
    ttlResolution: 0,
    perf: { now: () => clock.monotonicMs() },
  });
  const underway = new Map<string, Promise<QueryOutcome>>();

  const start = async (key: string, load: () => Promise<QueryOutcome>): Promise<QueryOutcome> => {
    try {
      const outcome = await load();
      if (outcome.ok) kept.set(key, outcome.body);
      return outcome;
    } finally {
      underway.delete(key);
    }
  };

  return {
    get(key, load) {
      const body = kept.get(key);
      if (body) {
        meters.cache('hit');
        return Promise.resolve({ ok: true, body });
      }
      const shared = underway.get(key);
      meters.cache(shared ? 'shared' : 'miss');
      if (shared) return shared;
      const asked = start(key, load);
      underway.set(key, asked);
      return asked;
    },
  };
}
