export interface BackoffOptions {
  /** Upper bound of the first delay, milliseconds. */
  firstMs: number;
  /** Upper bound of any delay, milliseconds. */
  maxMs: number;
  random?: () => number;
}

/** Full-jitter exponential delay in milliseconds for attempt 0, 1, 2, …: uniform in (0, min(maxMs, firstMs·2ⁿ)]. */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30));
  const random = options.random ?? Math.random;
  return Math.max(1, Math.ceil(random() * ceiling));
}

/** Resolves after `ms`, or as soon as the signal aborts; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
