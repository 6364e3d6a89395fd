import { messageOf } from '../platform/index.ts';
import { CommandError, exitCodes, type ExitCode } from './exit.ts';
import { plain } from './show/text.ts';

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

interface Refused {
  url: string;
  status: number;
  headers: AnswerHeaders;
  /** Undefined where the body is none. */
  json: unknown;
}

interface Meaning {
  code: ExitCode;
  hint?: string;
}

export const loginHint =
  'log in with `gaugeway login`, or give an API key by GAUGEWAY_KEY, --key-file or --key';

const meanings: Readonly<Record<number, Meaning>> = {
  401: { code: exitCodes.notAllowed, hint: loginHint },
  403: {
    code: exitCodes.notAllowed,
    hint: 'who asks may not do this: `gaugeway login` as somebody who may, or give a key with the scope for it',
  },
  404: { code: exitCodes.notFound },
  409: { code: exitCodes.conflict },
  429: { code: exitCodes.tooMany },
  502: { code: exitCodes.unreachable },
  503: { code: exitCodes.unreachable },
  504: { code: exitCodes.unreachable },
};

/** What a server answered in place of what was asked for, as one clear line with the request's id. */
export function refusalOf({ url, status, headers, json }: Refused): CommandError {
  const told = toldBy(json);
  if (!told) return stranger({ url, status, headers, json });
  const { code, hint } = meanings[status] ?? {
    code: status >= 500 ? exitCodes.failed : exitCodes.usage,
  };
  const { 'retry-after': retry, 'x-request-id': requestId } = headers;
  const facts = [
    ...(typeof retry === 'string' ? [`come again in ${plain(retry)} s`] : []),
    ...(typeof requestId === 'string' ? [`request ${plain(requestId)}`] : []),
  ];
  const tail = facts.length > 0 ? ` (${facts.join(', ')})` : '';
  return new CommandError([plain(told.message) + tail, ...told.details].join('\n'), { code, hint });
}

/** Nothing of this product answers like that: a proxy, or another server. */
function stranger({ url, status, headers, json }: Refused): CommandError {
  const { location: moved, 'content-type': type = 'no body' } = headers;
  const message =
    typeof moved === 'string'
      ? `${url} says that it is at ${plain(moved)}`
      : `${url} answered ${String(status)} with ${plain(String(type))}`;
  return new CommandError(message, {
    code: exitCodes.unreachable,
    hint: moved === undefined ? 'is this the address of a Gaugeway?' : 'give that address',
    cause: json,
  });
}

interface Told {
  message: string;
  details: string[];
}

type Facts = Readonly<Record<string, unknown>>;
const isFacts = (value: unknown): value is Facts => typeof value === 'object' && value !== null;

/** The product's envelope, or Prometheus's error. */
function toldBy(json: unknown): Told | undefined {
  if (!isFacts(json)) return undefined;
  const { error, errorType } = json;
  if (typeof error === 'string' && typeof errorType === 'string') {
    return { message: `${errorType}: ${error}`, details: [] };
  }
  if (!isFacts(error) || typeof error['message'] !== 'string') return undefined;
  const details = isFacts(error['details']) ? error['details'] : {};
  return { message: error['message'], details: [...issues(details), ...rejected(details)] };
}

/** Wrong fields, as the request's schema tells them. */
function issues(details: Facts): string[] {
  if (!Array.isArray(details['issues'])) return [];
  return details['issues'].filter(isFacts).map(({ field, message }) => {
    const where = typeof field === 'string' && field !== '' ? `${field}: ` : '';
    return `  ${plain(where + String(message))}`;
  });
}

/** Bad rows of an import. */
function rejected(details: Facts): string[] {
  if (!Array.isArray(details['rejected'])) return [];
  return details['rejected']
    .filter(isFacts)
    .map(
      ({ line, message, reason }) =>
        `  ${plain(`line ${String(line)}: ${String(message ?? reason)}`)}`,
    );
}

const causes: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ECONNREFUSED: ['nothing listens there', 'is it running? `npm start` starts it'],
  ENOTFOUND: ['there is no such host', 'look at --url and GAUGEWAY_URL'],
  EAI_AGAIN: ['the name cannot be looked up', 'look at --url and GAUGEWAY_URL'],
  EPROTO: ['it does not speak TLS', 'is it http://?'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['it does not speak TLS', 'is it http://?'],
  ECONNRESET: ['it ended the connection', 'does it speak https://?'],
  SELF_SIGNED_CERT_IN_CHAIN: ['its certificate is not trusted', 'give its authority with --ca'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['its certificate is not trusted', 'give it with --ca'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'its certificate is not trusted',
    'give its authority with --ca',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'its certificate is not trusted',
    'give its authority with --ca',
  ],
  CERT_HAS_EXPIRED: ['its certificate has expired', 'its administrator must renew it'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['its certificate is for another name', 'look at --url'],
};

export function unreachable(url: string, error: unknown, timeoutMs: number): CommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [message, hint] =
    code === 'ETIMEDOUT'
      ? [`no answer within ${String(timeoutMs / 1_000)} s`, '--timeout waits longer']
      : (causes[code] ?? [messageOf(error), undefined]);
  return new CommandError(`${url} cannot be reached: ${message}`, {
    ...{ code: exitCodes.unreachable, hint, cause: error },
  });
}
