import { messageOf } from '../../platform/index.ts';
import type { ReadOutcome, SeriesReader, StorageRead } from '../../query/index.ts';
import type { VictoriaAnswer, VictoriaClient } from './client.ts';

/** Time for storage's own `timeout` to show before ours ends the connection, milliseconds. */
const graceMs = 500;

const tooLarge = 'the answer is too large; ask for fewer series or a wider step';

/** Questions to one VictoriaMetrics. Every path is one of a fixed list; the tenant is already among the arguments. */
export function createVictoriaReader(client: VictoriaClient): SeriesReader {
  return {
    async read(read, args, { timeoutMs, signal }) {
      try {
        const answer = await client.request({
          method: 'GET',
          path: pathOf(read),
          tenantId: tenantOf(args),
          query: args,
          timeoutMs: timeoutMs + graceMs,
          ...(signal ? { signal } : {}),
        });
        return outcomeOf(answer);
      } catch (error) {
        return failureOf(error, signal);
      }
    },
  };
}

/** The one `extra_label` says it; a cluster is asked with it too, as a second wall behind its accounts. */
function tenantOf(args: URLSearchParams): string | undefined {
  return /^tenant=(.+)$/s.exec(args.get('extra_label') ?? '')?.[1];
}

function pathOf(read: StorageRead): string {
  return read.endpoint === 'label_values'
    ? `/api/v1/label/${encodeURIComponent(read.label)}/values`
    : `/api/v1/${read.endpoint}`;
}

function outcomeOf({ status, body }: VictoriaAnswer): ReadOutcome {
  if (status === 200) return { ok: true, body };
  const message = causeOf(body);
  if (/timeout exceeded|deadline/i.test(message)) return { ok: false, reason: 'timeout', message };
  if (status === 422 || status === 400) return { ok: false, reason: 'refused', message };
  return { ok: false, reason: 'unavailable', message: `VictoriaMetrics answered ${status}` };
}

/** VictoriaMetrics wraps a cause in the query and its own arguments, the tenant's label among them; the cause alone goes on. */
function causeOf(body: Buffer): string {
  let text: unknown;
  try {
    text = (JSON.parse(body.toString('utf8')) as { error?: unknown }).error;
  } catch {
    text = undefined;
  }
  if (typeof text !== 'string') return 'VictoriaMetrics refused the query';
  return text
    .replace(/^.*? for \(time=\d+, step=\d+\): /s, '')
    .replace(/^.*? on the time range \([^)]*\): /s, '');
}

function failureOf(error: unknown, signal: AbortSignal | undefined): ReadOutcome {
  if (signal?.aborted) return { ok: false, reason: 'canceled', message: 'canceled' };
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError' || name === 'HeadersTimeoutError' || name === 'BodyTimeoutError') {
    return { ok: false, reason: 'timeout', message: messageOf(error) };
  }
  if (name === 'ResponseExceededMaxSizeError') {
    return { ok: false, reason: 'too-large', message: tooLarge };
  }
  return { ok: false, reason: 'unavailable', message: 'VictoriaMetrics cannot be reached' };
}
