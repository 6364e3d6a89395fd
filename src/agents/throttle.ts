import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/index.ts';

/**
 * Counts refused enrolments by address: who guesses is slowed down, a fleet behind one address that brings good
 * tokens is not. Per process.
 */
export interface EnrolmentThrottle {
  /** 0 where an attempt may be made; else the seconds until one may. */
  waitSeconds(address: string): number;
  refused(address: string): void;
}

const perMinute = 10;
const msEach = 60_000 / perMinute;

export function createEnrolmentThrottle(clock: Clock): EnrolmentThrottle {
  const spent = new LRUCache<string, { count: number; atMs: number }>({ max: 10_000 });

  /** Refusals that are not forgiven yet. */
  function standing(address: string): number {
    const known = spent.get(address);
    if (!known) return 0;
    return Math.max(0, known.count - (clock.monotonicMs() - known.atMs) / msEach);
  }

  return {
    waitSeconds(address) {
      const over = standing(address) - (perMinute - 1);
      return over <= 0 ? 0 : Math.ceil((over * msEach) / 1_000);
    },
    refused(address) {
      spent.set(address, { count: standing(address) + 1, atMs: clock.monotonicMs() });
    },
  };
}
