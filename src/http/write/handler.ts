import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticate, Authentication, Principal } from '../../access/index.ts';
import {
  negotiate,
  type Ingest,
  type IngestOutcome,
  type Sender,
  type WhitelistMode,
} from '../../ingest/index.ts';
import { GaugewayError, messageOf, type Logger } from '../../platform/index.ts';
import { requestIdFrom } from '../middleware/request-id.ts';
import { configHeader } from './agent-headers.ts';
import { sendOutcome, sendText, toAnswer } from './answer.ts';
import { readBody } from './body.ts';

interface WriteDeps {
  ingest: Ingest;
  authenticate: Authenticate;
  /** The whitelist mode of the tenant's keys that have none of their own, where one was set. */
  tenantModeOf: (tenantId: string) => WhitelistMode | undefined;
  /** A sign of life of the host that the credential is bound to. */
  seen: (tenantId: string, hostId: string) => void;
  /** From memory: which configuration the agent of a host shall run with. */
  configVersionOf: (tenantId: string, hostId: string) => string;
  log: Logger;
}

/** A handler that takes requests before Express sees them: its stack costs some 75 µs a request. */
export interface RawHandler {
  matches(path: string): boolean;
  handle(req: IncomingMessage, res: ServerResponse): void;
}

/** Paths that senders are configured with today, so that moving here is a change of host name. */
export const writePaths: ReadonlySet<string> = new Set([
  '/api/v1/write',
  '/api/v1/push',
  '/api/v1/receive',
  '/prometheus/api/v1/write',
  '/insert/0/prometheus/api/v1/write',
]);

const challenge = 'Basic realm="gaugeway", Bearer realm="gaugeway"';

/** Where no mode was set: a host's own agent hears of every refusal, foreign tooling would log each batch. */
const defaultMode = (principal: Principal): WhitelistMode =>
  principal.hostId === undefined ? 'drop' : 'reject';

export function createWriteHandler(deps: WriteDeps): RawHandler {
  const { log } = deps;
  return {
    matches: (path) => writePaths.has(path),
    handle(req, res) {
      const requestId = requestIdFrom(req.headers['x-request-id']);
      res.setHeader('X-Request-Id', requestId);
      if (req.method !== 'POST') {
        res.setHeader('Allow', 'POST');
        sendText(res, 405, 'method not allowed: POST a remote-write request\n');
        return;
      }
      const authentication = deps.authenticate(req.headers.authorization);
      const handled =
        authentication instanceof Promise
          ? authentication.then((settled) => admit(settled, req, res, deps))
          : admit(authentication, req, res, deps);
      handled.catch((error: unknown) => {
        if (error instanceof GaugewayError && error.code === 'UNAVAILABLE') {
          // The credential is not known here and the database cannot be asked: the sender shall come again.
          sendOutcome(res, { kind: 'overloaded', retryAfterSeconds: 5, message: error.message }, 1);
          closeAfter(req, res);
          return;
        }
        log.error('write failed unexpectedly', {
          requestId,
          error: error instanceof Error ? error.stack : messageOf(error),
        });
        sendText(res, 500, 'internal error\n');
      });
    },
  };
}

function admit(
  authentication: Authentication,
  req: IncomingMessage,
  res: ServerResponse,
  deps: WriteDeps,
): Promise<void> {
  if (!authentication.ok && authentication.reason === 'suspended') {
    return refuse(req, res, 403, 'forbidden: the tenant is suspended\n');
  }
  if (!authentication.ok) {
    res.setHeader('WWW-Authenticate', challenge);
    return refuse(req, res, 401, `unauthorized: credential is ${authentication.reason}\n`);
  }
  const { principal } = authentication;
  if (principal.scopes?.includes('write') !== true) {
    return refuse(req, res, 403, 'forbidden: the credential has no write scope\n');
  }
  const scopeOrg = req.headers['x-scope-orgid'];
  if (scopeOrg !== undefined && scopeOrg !== principal.tenantId) {
    return refuse(req, res, 403, "forbidden: X-Scope-OrgID is not the credential's tenant\n");
  }
  if (principal.hostId !== undefined) {
    res.setHeader(configHeader, deps.configVersionOf(principal.tenantId, principal.hostId));
  }
  return receive(principal, req, res, deps);
}

async function receive(
  principal: Principal,
  req: IncomingMessage,
  res: ServerResponse,
  { ingest, tenantModeOf, seen }: WriteDeps,
): Promise<void> {
  const format = negotiate(req.headers['content-type'], req.headers['content-encoding']);
  if (!format.ok) {
    const outcome = { kind: 'unsupported', message: format.message } as const;
    ingest.refusedUnread(outcome);
    return refuse(req, res, 415, toAnswer(outcome).body);
  }
  const { version } = format;
  const turnAway = (outcome: IngestOutcome): void => {
    ingest.refusedUnread(outcome);
    sendOutcome(res, outcome, version);
    closeAfter(req, res);
  };
  const declared = Number(req.headers['content-length'] ?? 0);
  if (declared > ingest.maxBodyBytes) {
    turnAway(tooLarge(ingest));
    return;
  }
  const ticket = ingest.admission.admit(principal.tenantId, declared);
  if (typeof ticket === 'string') {
    turnAway({ kind: 'overloaded', retryAfterSeconds: 1, message: ticket });
    return;
  }
  try {
    const read = await readBody(req, ingest.maxBodyBytes, declared, ticket);
    if (read.kind === 'body') {
      const { tenantId, hostId, whitelistMode } = principal;
      if (hostId !== undefined) seen(tenantId, hostId);
      const mode = whitelistMode ?? tenantModeOf(tenantId) ?? defaultMode(principal);
      const sender = toSender(principal, mode);
      sendOutcome(res, await ingest.write(sender, version, read.chunks), version);
    } else if (read.kind !== 'aborted') {
      const isLarge = read.kind === 'too_large';
      const overload = {
        kind: 'overloaded',
        retryAfterSeconds: 1,
        message: 'inflight_bytes',
      } as const;
      turnAway(isLarge ? tooLarge(ingest) : overload);
    }
  } finally {
    ticket.release();
  }
}

const tooLarge = (ingest: Ingest) =>
  ({
    kind: 'invalid',
    reason: 'too_large',
    message: `the body exceeds ${String(ingest.maxBodyBytes)} bytes (ingest.max_decoded_bytes)`,
  }) as const;

function toSender(principal: Principal, whitelistMode: WhitelistMode): Sender {
  return {
    tenantId: principal.tenantId,
    keyId: principal.id,
    keyName: principal.name,
    whitelistMode,
    ...(principal.hostId === undefined ? {} : { hostId: principal.hostId }),
  };
}

function refuse(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  text: string,
): Promise<void> {
  sendText(res, status, text);
  closeAfter(req, res);
  return Promise.resolve();
}

/** How long a refused sender may take to read why, while the rest of its body is left unread. */
const lingerMs = 1_000;

/**
 * An unread body is not read on, unless little is left. Closed at once, the connection would be reset by what is
 * still on its way: the sender would never read the answer, and send the same again for ever.
 */
function closeAfter(req: IncomingMessage, res: ServerResponse): void {
  if (req.complete || Number(req.headers['content-length'] ?? Infinity) <= 65_536) {
    req.resume();
    return;
  }
  res.once('finish', () => {
    req.pause();
    const closing = setTimeout(() => req.destroy(), lingerMs).unref();
    req.once('close', () => clearTimeout(closing));
  });
}
