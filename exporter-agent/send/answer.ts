/** What came back for one POST. */
export type Answer =
  | {
      kind: 'answered';
      status: number;
      retryAfterMs: number | undefined;
      /** X-Prometheus-Remote-Write-Samples-Written; undefined without it. */
      samplesWritten?: number | undefined;
      text: string;
      /** Names in lower case. */
      headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
    }
  | { kind: 'failed'; message: string };

/** What to do with the body that was posted. */
export type Verdict = 'done' | 'partly' | 'keep' | 'split' | 'refuse';

/**
 * 401 and 403 are kept: a rotated or not yet known key is mended by people, the data should still be there.
 * Another 4xx will be the same next time, so the batch must not block those behind it. A 400 means that the rest was
 * written, unless it says that nothing could be read: only then are the parts worth another try.
 */
export function judge(answer: Answer): Verdict {
  if (answer.kind === 'failed') return 'keep';
  const { status } = answer;
  if (status >= 200 && status < 300) return 'done';
  if (status === 413 || (status === 400 && wholeRefused.test(answer.text))) return 'split';
  if (status < 400 || status >= 500 || retriedClientErrors.has(status)) return 'keep';
  return (answer.samplesWritten ?? 0) > 0 ? 'partly' : 'refuse';
}

const retriedClientErrors = new Set([401, 403, 408, 429]);

/** Reasons of the contract for which no part of a batch was looked at. */
const wholeRefused = /^(?:too_large|too_many_series|undecodable|storage_refused): /;

/** Whether the server said that the batch is too large, as opposed to unreadable. */
export function isTooLarge(answer: Answer): boolean {
  return answer.kind === 'answered' && (answer.status === 413 || answer.text.startsWith('too_'));
}

/** One line for people and for the heartbeat's `last_error`. */
export function describe(answer: Answer): string {
  if (answer.kind === 'failed') return answer.message;
  const text = answer.text.replace(/\s+/g, ' ').trim().slice(0, 200);
  return text === '' ? `HTTP ${answer.status}` : `HTTP ${answer.status}: ${text}`;
}

/** One header of the answer, by its name in lower case. */
export function headerOf(answer: Answer, name: string): string | undefined {
  const value = answer.kind === 'answered' ? answer.headers?.[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** A JSON object; without fields where the text is none: such an answer is still an answer. */
export function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Retry-After, RFC 9110 §10.2.3: seconds or a date. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
