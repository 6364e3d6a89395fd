/** Waiting between attempts while the server is away: full jitter, so that many agents do not return together. */
export interface Backoff {
  /** Whether an attempt may be made now. */
  isOpen(): boolean;
  succeeded(): void;
  /** @param retryAfterMs what the server asked for, if anything. */
  failed(retryAfterMs: number | undefined): void;
}

const firstMs = 1_000;
const maxMs = 60_000;
const retryAfterSpreadMs = 5_000;
/** A server may not silence an agent for longer than its buffer lasts. */
const maxRetryAfterMs = 5 * 60_000;

export function createBackoff(deps: { monotonicMs: () => number; random: () => number }): Backoff {
  let failures = 0;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  return {
    isOpen: () => deps.monotonicMs() >= notBeforeMs,
    succeeded() {
      failures = 0;
      notBeforeMs = Number.NEGATIVE_INFINITY;
    },
    failed(retryAfterMs) {
      const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 16));
      failures += 1;
      const delay =
        retryAfterMs === undefined
          ? deps.random() * ceiling
          : Math.min(retryAfterMs, maxRetryAfterMs) + deps.random() * retryAfterSpreadMs;
      notBeforeMs = deps.monotonicMs() + delay;
    },
  };
}
