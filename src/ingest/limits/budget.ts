import type { Clock } from '../../platform/index.ts';
import type { PolicyOf } from '../sender.ts';

/** Token bucket of samples per tenant. */
export interface RateBudget {
  /** 0 when the samples fit (and are taken), else the seconds after which they would. */
  take(tenantId: string, samples: number): number;
}

export function createRateBudget(policyOf: PolicyOf, clock: Clock): RateBudget {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    take(tenantId, samples) {
      const { samplesPerSecond, burstSamples } = policyOf(tenantId);
      const nowMs = clock.monotonicMs();
      const bucket = buckets.get(tenantId) ?? { tokens: burstSamples, atMs: nowMs };
      const earned = ((nowMs - bucket.atMs) / 1000) * samplesPerSecond;
      const tokens = Math.min(burstSamples, bucket.tokens + earned);
      // A request larger than the whole bucket passes when the bucket is full, or it never would.
      const needed = Math.min(samples, burstSamples);
      const fits = tokens >= needed;
      buckets.set(tenantId, { tokens: fits ? tokens - samples : tokens, atMs: nowMs });
      if (fits) return 0;
      return Math.max(1, Math.ceil((needed - tokens) / Math.max(1, samplesPerSecond)));
    },
  };
}
