import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import { isSameKey, prefixOf, type ApiKeyStore } from './api-keys.ts';
import type { Changes } from './changes.ts';
import type { KeyUse } from './key-use.ts';
import { readCredential, type Credential } from './credential.ts';
import type { Authenticate, Authentication, AuthenticationFailure } from './principal.ts';
import type { SessionStore } from './sessions.ts';
import type { Tokens } from './tokens.ts';

interface Deps {
  keys: ApiKeyStore;
  sessions: SessionStore;
  tokens: Tokens;
  changes: Changes;
  /** From memory: whether the tenant is served. */
  isActive: (tenantId: string) => boolean;
  keyUse: KeyUse;
  clock: Clock;
  log: Logger;
}

interface Known {
  authentication: Authentication & { ok: true };
  /** When the credential ends by itself, milliseconds since the epoch. */
  endsAtMs: number;
}

const maxKnown = 10_000;
/** How long an unknown credential stays unknown: a key made just now works soon, a flood of bad ones costs little. */
const refusalMs = 1_000;
/**
 * How long credentials hold without a word from Postgres. A revocation cannot be made while it is away, so what was
 * valid stays so: ingest goes on through its outages.
 */
const maxSilenceMs = 3_600_000;

export interface Authenticator {
  /** Rejects with UNAVAILABLE where only Postgres could tell and does not answer. */
  authenticate: Authenticate;
  /** What is known of the tenant's credentials is asked anew: they changed here, and the change feed is a second late. */
  forget: (tenantId: string) => void;
}

export function createAuthenticate(deps: Deps): Authenticator {
  const { changes, clock, keyUse, log } = deps;
  const known = new LRUCache<string, Known>({ max: maxKnown });
  const refused = new LRUCache<string, AuthenticationFailure>({
    ...{ max: maxKnown, ttl: refusalMs, perf: { now: () => clock.monotonicMs() } },
    ttlResolution: 0,
  });
  const pending = new Map<string, Promise<Authentication>>();
  let generation = 0;

  function forget(tenantId: string): undefined {
    generation += 1;
    for (const [digest, { authentication }] of known) {
      if (authentication.principal.tenantId === tenantId) known.delete(digest);
    }
  }

  changes.on('credentials', forget);

  async function load(digest: string, authorization: string): Promise<Authentication> {
    const before = generation;
    const outcome = await judge(readCredential(authorization), deps);
    if ('reason' in outcome) {
      refused.set(digest, outcome.reason);
      return { ok: false, reason: outcome.reason };
    }
    // What changed while this was read may be missing in it: it serves this request and is not kept.
    if (before === generation) known.set(digest, outcome);
    note(outcome.authentication);
    return outcome.authentication;
  }

  function note({ principal }: Authentication & { ok: true }): void {
    if (principal.kind === 'key') keyUse.note(principal.id);
  }

  const authenticate: Authenticate = (authorization) => {
    if (authorization === undefined) return { ok: false, reason: 'missing' };
    const digest = createHash('sha256').update(authorization).digest('base64');
    const found = known.get(digest);
    if (found) {
      if (found.endsAtMs <= clock.nowMs()) {
        known.delete(digest);
        return { ok: false, reason: 'expired' };
      }
      if (clock.monotonicMs() - changes.heardAtMs() <= maxSilenceMs) {
        note(found.authentication);
        return found.authentication;
      }
    }
    const reason = refused.get(digest);
    if (reason) return { ok: false, reason };
    const running = pending.get(digest);
    if (running) return running;
    const loading = load(digest, authorization).finally(() => pending.delete(digest));
    pending.set(digest, loading);
    loading.catch((error: unknown) => {
      log.warn('credential could not be checked', { error: messageOf(error) });
    });
    return loading;
  };
  return { authenticate: unlessSuspended(authenticate, deps.isActive), forget };
}

/** Last and at every request: a suspension shows as soon as it is heard, whatever is remembered of the credential. */
function unlessSuspended(
  authenticate: Authenticate,
  isActive: (tenantId: string) => boolean,
): Authenticate {
  const judged = (outcome: Authentication): Authentication =>
    outcome.ok && !isActive(outcome.principal.tenantId)
      ? { ok: false, reason: 'suspended' }
      : outcome;
  return (authorization) => {
    const outcome = authenticate(authorization);
    return outcome instanceof Promise ? outcome.then(judged) : judged(outcome);
  };
}

type Judged = Known | { reason: AuthenticationFailure };

function judge(credential: Credential, deps: Deps): Promise<Judged> | Judged {
  switch (credential.kind) {
    case 'key':
      return judgeKey(credential.text, deps);
    case 'token':
      return judgeToken(credential.text, deps);
    case 'malformed':
      return { reason: 'malformed' };
  }
}

async function judgeKey(text: string, { keys, clock }: Deps): Promise<Judged> {
  const prefix = prefixOf(text);
  if (prefix === undefined) return { reason: 'malformed' };
  const record = await keys.findByPrefix(prefix);
  if (!record || !isSameKey(text, record)) return { reason: 'unknown' };
  if (record.revokedAtMs !== null) return { reason: 'revoked' };
  const endsAtMs = record.expiresAtMs ?? Infinity;
  if (endsAtMs <= clock.nowMs()) return { reason: 'expired' };
  const { id, name, tenantId, scopes, hostId, whitelistMode } = record;
  return {
    endsAtMs,
    authentication: {
      ok: true,
      principal: {
        ...{ kind: 'key', id, name, tenantId, scopes },
        ...(hostId === null ? {} : { hostId }),
        ...(whitelistMode === null ? {} : { whitelistMode }),
      },
    },
  };
}

async function judgeToken(text: string, { tokens, sessions }: Deps): Promise<Judged> {
  const verdict = tokens.verify(text);
  if (!verdict.ok) return { reason: verdict.reason };
  const { tenantId, sessionId, userId, expiresAtMs } = verdict.claims;
  const state = await sessions.state(tenantId, sessionId);
  if (state?.user.id !== userId) return { reason: 'unknown' };
  if (state.isRevoked) return { reason: 'revoked' };
  if (state.user.status !== 'active') return { reason: 'disabled' };
  const { email, role } = state.user;
  return {
    endsAtMs: expiresAtMs,
    authentication: {
      ok: true,
      principal: { kind: 'user', id: userId, name: email, tenantId, role, sessionId },
    },
  };
}
