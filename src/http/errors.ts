import type { Response } from 'express';
import type { ErrorCode, GaugewayError } from '../platform/index.ts';

/** The one table code → status (PRP §8.8 and the contract). */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  RATE_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  UNAVAILABLE: 503,
};

/** Prometheus's `errorType` for the same codes. */
const prometheusType: Readonly<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'bad_data',
  UNAUTHORIZED: 'unauthorized',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'not_found',
  CONFLICT: 'bad_data',
  RATE_LIMIT_EXCEEDED: 'too_many_requests',
  INTERNAL_ERROR: 'internal',
  UNAVAILABLE: 'unavailable',
};

export type ErrorShape = 'envelope' | 'prometheus';

/** Answers with the error in the shape that the endpoint's clients read. */
export function sendError(res: Response, error: GaugewayError, shape: ErrorShape): void {
  res.status(statusOf[error.code]);
  if (error.code === 'UNAUTHORIZED') {
    res.setHeader('WWW-Authenticate', 'Basic realm="gaugeway", Bearer realm="gaugeway"');
  }
  if (error.retryAfterSeconds !== undefined) {
    res.setHeader('Retry-After', Math.ceil(error.retryAfterSeconds));
  }
  if (shape === 'prometheus') {
    res.json({ status: 'error', errorType: prometheusType[error.code], error: error.message });
    return;
  }
  res.json({ error: { code: error.code, message: error.message, details: error.details } });
}
