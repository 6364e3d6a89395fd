/**
 * The closed list of error codes. A code is public API: never renamed, never reused.
 * The HTTP status of each is decided in `http/errors.ts` and nowhere else.
 */
export type ErrorCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'RATE_LIMIT_EXCEEDED'
  | 'UNAVAILABLE'
  | 'INTERNAL_ERROR';

export interface ErrorOptions {
  /** Machine-readable facts for the answer's `details`; never a secret. */
  details?: Readonly<Record<string, unknown>>;
  /** Seconds after which the same request may come again. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** An expected failure with a stable code; anything else that is thrown is a bug and becomes INTERNAL_ERROR. */
export class GaugewayError extends Error {
  override readonly name = 'GaugewayError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The text of anything thrown, for a log field. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
