import { GaugewayError } from '../../platform/index.ts';

/** SQLSTATE class 08 (connection), 57P0x (shutdown), 53300 (too many connections), 57014 (statement timeout). */
const sqlStates = /^(?:08...|57P0.|53300|57014)$/;
const systemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
]);
/** What pg and knex say without a code. */
const messages =
  /Connection terminated|timeout expired|Query read timeout|Unable to acquire a connection|Timeout acquiring|Defined query timeout|not queryable/;

/** Whether the database, and not the statement, is at fault. */
export function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as Error & { code?: unknown }).code;
  if (typeof code === 'string' && (systemCodes.has(code) || sqlStates.test(code))) return true;
  return messages.test(error.message);
}

/** The same store, whose calls reject with UNAVAILABLE where the database cannot be reached. */
export function withUnavailable<S extends object>(store: S): S {
  const guarded = Object.entries(store).map(([name, method]: [string, unknown]) => {
    if (typeof method !== 'function') return [name, method];
    const call = method as (...args: unknown[]) => Promise<unknown>;
    return [
      name,
      async (...args: unknown[]) => {
        try {
          return await call(...args);
        } catch (error) {
          if (!isConnectionFailure(error)) throw error;
          throw new GaugewayError('UNAVAILABLE', 'the database does not answer', {
            details: { part: 'db' },
            retryAfterSeconds: 1,
            cause: error,
          });
        }
      },
    ];
  });
  return Object.fromEntries(guarded) as S;
}
