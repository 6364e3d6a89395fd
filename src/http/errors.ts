import type { Response } from 'express';
import { GaugewayError, type ErrorCode } from '../platform/index.ts';
import type { Route } from './route.ts';

export type ErrorShape = Route['errors'];

interface Row {
  status: number;
  /** Prometheus's `errorType` for the same fault. */
  errorType: string;
}

/** The one table from a code to what a client sees (PRP §8.8, contract "Read"). */
const table: Readonly<Record<ErrorCode, Row>> = {
  BAD_REQUEST: { status: 400, errorType: 'bad_data' },
  UNAUTHORIZED: { status: 401, errorType: 'unauthorized' },
  FORBIDDEN: { status: 403, errorType: 'forbidden' },
  NOT_FOUND: { status: 404, errorType: 'not_found' },
  CONFLICT: { status: 409, errorType: 'bad_data' },
  RATE_LIMIT_EXCEEDED: { status: 429, errorType: 'too_many_requests' },
  UNAVAILABLE: { status: 503, errorType: 'unavailable' },
  INTERNAL_ERROR: { status: 500, errorType: 'internal' },
};

/** What each status of a refusal means, for the document. */
export const errorTable: Readonly<Record<number, string>> = {
  400: 'The request is not as expected; `details.issues` names each field.',
  401: 'No credential, or one that is unknown, expired or revoked; `details.reason`.',
  403: 'The credential does not have this right.',
  404: "There is no such thing in the credential's tenant.",
  409: 'It is not in the state that this needs.',
  413: 'The body is too large.',
  415: 'The body is of another kind.',
  429: 'More than the allowance of the minute; `Retry-After`.',
  500: 'A fault of this server; `details.request_id` finds it in the log.',
  503: 'Something that this needs does not answer; `Retry-After`.',
};

/** A fault of the transport, which has a status of its own and shares the code BAD_REQUEST. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly status: 405 | 413 | 415;

  constructor(status: 405 | 413 | 415, message: string) {
    super(message);
    this.status = status;
  }
}

/** Both ways in which a credential can be sent. */
const challenge = 'Basic realm="gaugeway", Bearer realm="gaugeway"';

/** Answers with the fault in the shape that the endpoint's clients expect. */
export function sendError(res: Response, fault: GaugewayError | TransportError, shape: ErrorShape) {
  const code = fault instanceof GaugewayError ? fault.code : 'BAD_REQUEST';
  const row = table[code];
  const status = fault instanceof TransportError ? fault.status : row.status;
  if (status === 401) res.setHeader('WWW-Authenticate', challenge);
  if (fault instanceof GaugewayError && fault.retryAfterSeconds !== undefined) {
    res.setHeader('Retry-After', Math.max(1, Math.ceil(fault.retryAfterSeconds)));
  }
  // An error must not outlive its cause in some cache on the way.
  res.setHeader('Cache-Control', 'no-store');
  res.status(status).json(bodyOf(fault, shape));
}

function bodyOf(fault: GaugewayError | TransportError, shape: ErrorShape): unknown {
  const { message } = fault;
  const code = fault instanceof GaugewayError ? fault.code : 'BAD_REQUEST';
  const details = fault instanceof GaugewayError ? fault.details : {};
  switch (shape) {
    case 'prometheus':
      return { status: 'error', errorType: table[code].errorType, error: message };
    case 'alertmanager':
      return message;
    case 'envelope':
      return { error: { code, message, details } };
  }
}

interface BodyParserError {
  type: string;
  status: number;
}

/** What was thrown, as something a client may see; undefined where it is a bug. */
export function toFault(error: unknown): GaugewayError | TransportError | undefined {
  if (error instanceof GaugewayError || error instanceof TransportError) return error;
  if (error instanceof URIError) return new GaugewayError('BAD_REQUEST', 'malformed URL');
  if (!isBodyParserError(error)) return undefined;
  switch (error.type) {
    case 'entity.too.large':
      return new TransportError(413, 'the body is too large');
    case 'entity.parse.failed':
      return new GaugewayError('BAD_REQUEST', 'the body is not valid JSON');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new TransportError(415, 'unsupported encoding of the body');
    default:
      return error.status < 500
        ? new GaugewayError('BAD_REQUEST', 'the body could not be read')
        : undefined;
  }
}

function isBodyParserError(error: unknown): error is BodyParserError {
  return (
    error instanceof Error &&
    typeof (error as Partial<BodyParserError>).type === 'string' &&
    typeof (error as Partial<BodyParserError>).status === 'number'
  );
}
