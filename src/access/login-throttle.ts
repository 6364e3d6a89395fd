import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/index.ts';

/** Counts attempts, right or wrong, before any password is hashed. Per process: replicas multiply the allowance. */
export interface LoginThrottle {
  /** 0 where the attempt may go on; else the seconds until the next one may. */
  attempt(account: string, address: string): number;
}

/** Contract "Rate limits": 10 a minute per account and per address. */
const perMinute = 10;
const msPerAttempt = 60_000 / perMinute;

interface Bucket {
  tokens: number;
  atMs: number;
}

export function createLoginThrottle(clock: Clock): LoginThrottle {
  const buckets = new LRUCache<string, Bucket>({ max: 10_000 });

  function filled(key: string): Bucket {
    const nowMs = clock.monotonicMs();
    const bucket = buckets.get(key) ?? { tokens: perMinute, atMs: nowMs };
    const tokens = Math.min(perMinute, bucket.tokens + (nowMs - bucket.atMs) / msPerAttempt);
    const now = { tokens, atMs: nowMs };
    buckets.set(key, now);
    return now;
  }

  return {
    attempt(account, address) {
      const both = [
        filled(`account ${account.trim().toLowerCase()}`),
        filled(`address ${address}`),
      ];
      const fewest = Math.min(...both.map(({ tokens }) => tokens));
      if (fewest < 1) return Math.ceil(((1 - fewest) * msPerAttempt) / 1_000);
      for (const bucket of both) bucket.tokens -= 1;
      return 0;
    },
  };
}
