import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import type { Actor } from './actor.ts';
import type { AuditAction, AuditEntry, AuditStore } from './audit.ts';
import { defaultTenantId } from './tenant.ts';
import { createLocalLogin } from './local-login.ts';
import type { LoginThrottle } from './login-throttle.ts';
import type { Listed, Page } from './page.ts';
import type { Passwords } from './passwords.ts';
import type { Principal } from './principal.ts';
import type { Tokens } from './tokens.ts';
import { toUser, type User, type UserStore } from './users.ts';

/** One login: the family of refresh tokens that descend from it. */
export interface Session {
  id: string;
  tenantId: string;
  userId: string;
  /** Where the login came from. */
  ip: string | null;
  createdAtMs: number;
  /** Moves with each refresh. */
  expiresAtMs: number;
}

export interface RefreshToken {
  /** SHA-256; the token itself is kept nowhere. */
  hash: Buffer;
  issuedAtMs: number;
  expiresAtMs: number;
}

export type RefreshRefusal =
  'unknown' | 'expired' | 'revoked' | 'disabled' | 'superseded' | 'reused';

export type RotateOutcome =
  | { kind: 'rotated'; user: User; sessionId: string }
  | { kind: 'refused'; reason: Exclude<RefreshRefusal, 'reused' | 'unknown'> }
  | { kind: 'refused'; reason: 'unknown' }
  | { kind: 'refused'; reason: 'reused'; user: User; sessionId: string };

export interface SessionState {
  user: User;
  isRevoked: boolean;
}

export interface SessionStore {
  create(session: Session, token: RefreshToken, audit: AuditEntry): Promise<void>;
  /**
   * Spends one token for the next, in one transaction: of many at once one wins. A spent token that comes back more
   * than `graceMs` after it was spent ends the session.
   */
  rotate(
    presented: Buffer,
    next: RefreshToken,
    options: { nowMs: number; graceMs: number },
  ): Promise<RotateOutcome>;
  end(session: { tenantId: string; id: string }, reason: string, audit: AuditEntry): Promise<void>;
  state(tenantId: string, sessionId: string): Promise<SessionState | undefined>;
  /** Those that have not ended, newest first. */
  list(
    user: { tenantId: string; userId: string },
    nowMs: number,
    page: Page,
  ): Promise<Listed<Session>>;
  /** One that has not ended. */
  find(tenantId: string, id: string, nowMs: number): Promise<Session | undefined>;
}

export interface Granted {
  ok: true;
  user: User;
  accessToken: string;
  accessExpiresAtMs: number;
  refreshToken: string;
  refreshExpiresAtMs: number;
}

export type LoginOutcome =
  | Granted
  | { ok: false; reason: 'bad_credentials' | 'suspended' }
  | { ok: false; reason: 'throttled'; retryAfterSeconds: number };

export interface ClientContext {
  ip: string;
  requestId?: string;
}

export interface Sessions {
  login(email: string, password: string, client: ClientContext): Promise<LoginOutcome>;
  refresh(
    refreshToken: string,
    client: ClientContext,
  ): Promise<Granted | { ok: false; reason: RefreshRefusal }>;
  /** Ends the principal's session: at once here and for refresh tokens, within two seconds on other replicas. */
  logout(principal: Principal, by: Actor): Promise<void>;
  /** A person's sessions that have not ended, newest first. */
  list(tenantId: string, userId: string, page: Page): Promise<Listed<Session>>;
  get(tenantId: string, id: string): Promise<Session | undefined>;
  /** As logout, by somebody who may. */
  end(session: Session, by: Actor): Promise<void>;
}

interface Deps {
  store: SessionStore;
  users: UserStore;
  audit: AuditStore;
  passwords: Passwords;
  tokens: Tokens;
  throttle: LoginThrottle;
  /** Told whose credentials changed. */
  onChanged: (tenantId: string) => void;
  /** Whether the tenant is served. */
  isActive: (tenantId: string) => boolean;
  clock: Clock;
  log: Logger;
}

/** PRP REQ-RBAC-003. */
export const refreshTokenMs = 7 * 86_400_000;
/** Two tabs of one browser refresh at once; the later one is refused but is no theft. */
const reuseGraceMs = 5_000;
const refreshTokenPattern = /^gwr_[\w-]{43}$/;

export function createSessions(deps: Deps): Sessions {
  const { store, users, passwords, throttle, clock, log } = deps;
  const verify = createLocalLogin(async (email, password) => {
    const record = await users.findByEmail(email);
    const isRight = await passwords.matches(password, record?.passwordHash);
    return record && isRight && record.status === 'active' ? toUser(record) : undefined;
  });

  return {
    async login(email, password, client) {
      const retryAfterSeconds = await throttle.attempt(email, client.ip);
      if (retryAfterSeconds > 0) return { ok: false, reason: 'throttled', retryAfterSeconds };
      const before = await users.findByEmail(email);
      const user = await verify(email, password);
      if (!user) {
        // Not waited for: the time of the answer must not tell whether the account exists.
        noteFailure(deps, email, client).catch((error: unknown) => {
          const { requestId } = client;
          log.warn('failed login not noted', { requestId, error: messageOf(error) });
        });
        return { ok: false, reason: 'bad_credentials' };
      }
      // Only whoever knows the password hears of it.
      if (!deps.isActive(user.tenantId)) return { ok: false, reason: 'suspended' };
      const nowMs = clock.nowMs();
      const session: Session = {
        ...{ id: randomUUID(), tenantId: user.tenantId, userId: user.id, ip: client.ip },
        ...{ createdAtMs: nowMs, expiresAtMs: nowMs + refreshTokenMs },
      };
      const { text, token } = newRefreshToken(nowMs);
      const entry = audited(user, 'login', { ...client, sessionId: session.id, atMs: nowMs });
      await store.create(session, token, entry);
      // It may have waited for its hash while the password was changed, which ended the sessions that there were.
      const after = await users.findByEmail(email);
      if (after?.passwordHash !== before?.passwordHash || after?.status !== 'active') {
        await store.end(session, 'password_changed', { ...entry, action: 'session_ended' });
        return { ok: false, reason: 'bad_credentials' };
      }
      return grant(deps.tokens, user, session.id, { text, token });
    },
    refresh: (refreshToken, client) => refresh(deps, refreshToken, client),
    async logout({ tenantId, sessionId }, by) {
      if (sessionId === undefined) return;
      await store.end({ tenantId, id: sessionId }, 'logout', {
        ...{ actor: by, tenantId, action: 'logout', atMs: clock.nowMs() },
        target: `session:${sessionId}`,
      });
      deps.onChanged(tenantId);
    },
    list: (tenantId, userId, page) => store.list({ tenantId, userId }, clock.nowMs(), page),
    get: (tenantId, id) => store.find(tenantId, id, clock.nowMs()),
    async end({ tenantId, id, userId }, by) {
      await store.end({ tenantId, id }, 'ended', {
        ...{ actor: by, tenantId, action: 'session_ended', atMs: clock.nowMs() },
        ...{ target: `session:${id}`, details: { user: userId } },
      });
      deps.onChanged(tenantId);
    },
  };
}

async function refresh(
  { store, tokens, audit, clock, log, isActive }: Deps,
  refreshToken: string,
  client: ClientContext,
): ReturnType<Sessions['refresh']> {
  if (!refreshTokenPattern.test(refreshToken)) return { ok: false, reason: 'unknown' };
  const nowMs = clock.nowMs();
  const next = newRefreshToken(nowMs);
  const options = { nowMs, graceMs: reuseGraceMs };
  const outcome = await store.rotate(sha256(refreshToken), next.token, options);
  if (outcome.kind === 'rotated' && !isActive(outcome.user.tenantId)) {
    return { ok: false, reason: 'disabled' };
  }
  if (outcome.kind === 'rotated') return grant(tokens, outcome.user, outcome.sessionId, next);
  if (outcome.reason === 'reused') {
    const { user, sessionId } = outcome;
    log.warn('a spent refresh token came back, session ended', {
      ...{ userId: user.id, sessionId, requestId: client.requestId },
    });
    await audit.add(audited(user, 'refresh_reuse', { ...client, sessionId, atMs: nowMs }));
  }
  return { ok: false, reason: outcome.reason };
}

interface Facts extends ClientContext {
  sessionId: string;
  atMs: number;
}

function audited(user: User, action: AuditAction, facts: Facts): AuditEntry {
  const { ip, requestId, sessionId, atMs } = facts;
  const { id, email, tenantId } = user;
  return {
    actor: {
      ...{ kind: 'user', id, name: email, tenantId, ip },
      ...(requestId === undefined ? {} : { requestId }),
    },
    ...{ tenantId, action, target: `session:${sessionId}`, atMs },
  };
}

/**
 * An attempt on an account that exists is shown to its tenant, one on no account to the installation's: without the
 * name, for which somebody may have typed a password. The throttle bounds how many there are.
 */
async function noteFailure(deps: Deps, email: string, client: ClientContext): Promise<void> {
  const record = await deps.users.findByEmail(email);
  const { ip, requestId } = client;
  deps.log.info('login failed', { ip, known: record !== undefined, requestId });
  const { id, name, tenantId, target } = record
    ? { ...record, name: record.email, target: `user:${record.id}` }
    : { ...nobody, tenantId: defaultTenantId, target: 'account:unknown' };
  await deps.audit.add({
    actor: {
      ...{ kind: 'user', id, name, tenantId, ip },
      ...(requestId === undefined ? {} : { requestId }),
    },
    ...{ tenantId, action: 'login_failed', target, atMs: deps.clock.nowMs() },
  });
}

const nobody = { id: 'unknown', name: 'unknown' };

function grant(
  tokens: Tokens,
  user: User,
  sessionId: string,
  refresh: { text: string; token: RefreshToken },
): Granted {
  const access = tokens.issue({ userId: user.id, tenantId: user.tenantId, sessionId });
  return {
    ok: true,
    user,
    accessToken: access.token,
    accessExpiresAtMs: access.expiresAtMs,
    refreshToken: refresh.text,
    refreshExpiresAtMs: refresh.token.expiresAtMs,
  };
}

function newRefreshToken(nowMs: number): { text: string; token: RefreshToken } {
  const text = `gwr_${randomBytes(32).toString('base64url')}`;
  const expiresAtMs = nowMs + refreshTokenMs;
  return { text, token: { hash: sha256(text), issuedAtMs: nowMs, expiresAtMs } };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
