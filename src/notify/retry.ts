import type { SendOutcome } from './channel.ts';

export interface RetryTerms {
  /** Tries in all; a wait that the receiver asked for is none. */
  attempts: number;
  /** Before the second try, milliseconds; four times as long before each next one. */
  firstMs: number;
  random: () => number;
}

/** What follows from a try: nothing, or another one after so many milliseconds. */
export function retryAfter(
  outcome: SendOutcome,
  attempt: number,
  { attempts, firstMs, random }: RetryTerms,
): { retryInMs?: number; isFree?: boolean; reason?: string } {
  if (outcome.kind === 'sent') return {};
  if (outcome.kind === 'dead') return { reason: 'refused' };
  if (outcome.waitMs !== undefined) return { retryInMs: outcome.waitMs, isFree: true };
  if (attempt >= attempts) return { reason: 'attempts-used-up' };
  const jitter = 0.8 + 0.4 * random();
  return { retryInMs: Math.round(firstMs * 4 ** (attempt - 1) * jitter) };
}
