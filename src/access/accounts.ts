import { createHash, randomBytes } from 'node:crypto';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { Actor } from './actor.ts';
import type { AuditAction, AuditEntry, AuditStore } from './audit.ts';
import type { LoginThrottle } from './login-throttle.ts';
import type { Passwords } from './passwords.ts';
import type { Principal } from './principal.ts';
import type { ClientContext } from './sessions.ts';
import type { User, UserStore } from './users.ts';

export interface PasswordReset {
  /** SHA-256; the token itself is kept nowhere. */
  hash: Buffer;
  createdAtMs: number;
  expiresAtMs: number;
}

/** Each change and its audit row are one transaction. */
export interface PasswordResetStore {
  /** In place of an earlier one of the user. */
  put(user: User, reset: PasswordReset, audit: AuditEntry): Promise<void>;
  /** Whose token it is, while it is good. */
  find(hash: Buffer, nowMs: number): Promise<User | undefined>;
  /** Sets the password, ends the user's sessions and forgets the token. False where it is no longer good. */
  spend(hash: Buffer, passwordHash: string, audit: AuditEntry): Promise<boolean>;
}

export type PasswordOutcome =
  | { kind: 'done' }
  | { kind: 'wrong' }
  | { kind: 'unknown' }
  | { kind: 'throttled'; retryAfterSeconds: number };

/** How people come to a new password. */
export interface Accounts {
  /**
   * A person's own change, which ends their other sessions. `unknown`: the principal is no person. Throws BAD_REQUEST
   * for a new password that is none.
   */
  changePassword(
    principal: Principal,
    words: { current: string; next: string },
    by: Actor,
  ): Promise<PasswordOutcome>;
  /** A token for one new password, good for an hour and shown this once; an earlier one ends. */
  issueReset(user: User, by: Actor): Promise<{ token: string; expiresAtMs: number }>;
  /** Throws BAD_REQUEST for a password that is none; the token stays good then. */
  spendReset(token: string, password: string, client: ClientContext): Promise<'done' | 'unknown'>;
}

interface Deps {
  users: UserStore;
  resets: PasswordResetStore;
  audit: AuditStore;
  passwords: Passwords;
  throttle: LoginThrottle;
  /** Told whose credentials changed. */
  onChanged: (tenantId: string) => void;
  clock: Clock;
}

export const passwordResetMs = 3_600_000;
const tokenPattern = /^gwp_[\w-]{43}$/;

export function createAccounts(deps: Deps): Accounts {
  const { users, resets, passwords, clock } = deps;
  const audited = (user: User, action: AuditAction, by: Actor): AuditEntry => ({
    ...{ actor: by, tenantId: user.tenantId, action, atMs: clock.nowMs() },
    ...{ target: `user:${user.id}`, details: { email: user.email } },
  });
  return {
    async changePassword(principal, { current, next }, by) {
      const { kind, tenantId, id, sessionId } = principal;
      const record = kind === 'user' ? await users.find(tenantId, id) : undefined;
      if (!record) return { kind: 'unknown' };
      // Whoever got hold of a session must not find out the password with it.
      const retryAfterSeconds = await deps.throttle.attempt(record.email, by.ip ?? '');
      if (retryAfterSeconds > 0) return { kind: 'throttled', retryAfterSeconds };
      if (!(await passwords.matches(current, record.passwordHash))) {
        await deps.audit.add(audited(record, 'password_change_failed', by));
        return { kind: 'wrong' };
      }
      if (current === next) {
        throw new GaugewayError('BAD_REQUEST', 'the new password is the current one');
      }
      const passwordHash = await passwords.hash(next, record.email);
      const entry = audited(record, 'password_changed', by);
      await users.update(record, { passwordHash }, entry, sessionId);
      deps.onChanged(tenantId);
      return { kind: 'done' };
    },
    async issueReset(user, by) {
      const token = `gwp_${randomBytes(32).toString('base64url')}`;
      const createdAtMs = clock.nowMs();
      const expiresAtMs = createdAtMs + passwordResetMs;
      const reset = { hash: sha256(token), createdAtMs, expiresAtMs };
      await resets.put(user, reset, audited(user, 'password_reset_created', by));
      return { token, expiresAtMs };
    },
    async spendReset(token, password, { ip, requestId }) {
      if (!tokenPattern.test(token)) return 'unknown';
      const hash = sha256(token);
      // Looked up before anything is hashed: guessing costs this server little.
      const user = await resets.find(hash, clock.nowMs());
      if (!user) return 'unknown';
      const passwordHash = await passwords.hash(password, user.email);
      const { id, email, tenantId } = user;
      const by: Actor = {
        ...{ kind: 'user', id, name: email, tenantId, ip },
        ...(requestId === undefined ? {} : { requestId }),
      };
      const isSpent = await resets.spend(hash, passwordHash, audited(user, 'password_reset', by));
      if (isSpent) deps.onChanged(tenantId);
      return isSpent ? 'done' : 'unknown';
    },
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
