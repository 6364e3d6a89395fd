/** What one attempt came to. `retryAfterMs`: the receiver named the time. */
export type SendOutcome =
  | { kind: 'sent'; status?: number | undefined; answer: string }
  | {
      kind: 'retry';
      status?: number | undefined;
      answer: string;
      retryAfterMs?: number | undefined;
    }
  | { kind: 'dead'; status?: number | undefined; answer: string };

const maxRetryAfterMs = 5 * 60_000;

/** The time that a `Retry-After` names, milliseconds, five minutes at most; undefined where it names none. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const waitMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  if (Number.isNaN(waitMs)) return undefined;
  return Math.min(maxRetryAfterMs, Math.max(0, waitMs));
}

/** 2xx is sent; what another try may change is tried again; other answers are final, redirects among them. */
export function outcomeOfStatus(
  status: number,
  answer: string,
  waitMs: number | undefined,
): SendOutcome {
  if (status >= 200 && status < 300) return { kind: 'sent', status, answer };
  const isPassing = status === 408 || status === 425 || status === 429 || status >= 500;
  if (!isPassing) return { kind: 'dead', status, answer };
  return {
    ...{ kind: 'retry', status, answer },
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  };
}

export interface BackoffTerms {
  attempts: number;
  /** Before the second attempt; four times as long before each later one. Milliseconds. */
  backoffMs: number;
  random: () => number;
}

/** The wait after attempt 1, 2, …: four times as long each time, a fifth more or less by chance. */
export function delayAfter(attempt: number, { backoffMs, random }: BackoffTerms): number {
  return Math.round(backoffMs * 4 ** Math.min(attempt - 1, 8) * (0.8 + 0.4 * random()));
}
