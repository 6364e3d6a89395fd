import { GaugewayError } from '../platform/index.ts';
import type { ReadFailure } from './series-reader.ts';

/** Prometheus's error types that a query can end with. */
export type QueryErrorType =
  'bad_data' | 'execution' | 'timeout' | 'canceled' | 'unavailable' | 'internal';

export type QueryFailure = { ok: false; type: QueryErrorType; message: string };

/** The whole JSON answer as bytes and, where samples were read, of which tiers (`raw`, `1m`, …); or why there is none. */
export type QueryOutcome =
  { ok: true; body: Buffer; resolution?: readonly string[] } | QueryFailure;

export function failure(type: QueryErrorType, message: string): QueryFailure {
  return { ok: false, type, message };
}

/** `{"status":"success","data":…}` with warnings where there are any. */
export function success(data: unknown, warnings: readonly string[] = []): QueryOutcome {
  const answer = { status: 'success', data, ...(warnings.length > 0 ? { warnings } : {}) };
  return { ok: true, body: Buffer.from(JSON.stringify(answer)) };
}

export function withResolution(outcome: QueryOutcome, tiers: readonly string[]): QueryOutcome {
  return outcome.ok ? { ...outcome, resolution: tiers } : outcome;
}

const badPattern = /regex|regular expression/i;

/** Storage's refusal in Prometheus's terms; its own text may name internals, so only the cause at its end is kept. */
export function fromReadFailure(read: ReadFailure): QueryFailure {
  switch (read.reason) {
    case 'refused':
      return failure(badPattern.test(read.message) ? 'bad_data' : 'execution', read.message);
    case 'timeout':
      return failure('timeout', 'query timed out in expression evaluation');
    case 'canceled':
      return failure('canceled', 'query was canceled');
    case 'too-large':
      return failure('execution', read.message);
    case 'unavailable':
      return failure('unavailable', `storage: ${read.message}`);
  }
}

/** Runs a question; a refusal thrown on the way (bad arguments) becomes an outcome, anything else stays a bug. */
export async function outcomeOf(ask: () => Promise<QueryOutcome>): Promise<QueryOutcome> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof GaugewayError && error.code === 'BAD_REQUEST') {
      return failure('bad_data', error.message);
    }
    throw error;
  }
}
