import { randomUUID } from 'node:crypto';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { Actor } from './actor.ts';
import type { AuditAction, AuditEntry } from './audit.ts';
import type { Listed, Page } from './page.ts';
import type { Passwords } from './passwords.ts';
import type { Role } from './principal.ts';

export interface User {
  id: string;
  tenantId: string;
  email: string;
  role: Role;
  status: 'active' | 'disabled';
  createdAtMs: number;
}

export interface UserRecord extends User {
  passwordHash: string;
}

export type UserPatch = Partial<Pick<UserRecord, 'role' | 'status' | 'passwordHash'>>;

/** Each change and its audit row are one transaction. */
export interface UserStore {
  /** False where the e-mail has an account already, in any tenant. */
  insert(user: UserRecord, audit: AuditEntry): Promise<boolean>;
  findByEmail(email: string): Promise<UserRecord | undefined>;
  find(tenantId: string, id: string): Promise<UserRecord | undefined>;
  list(tenantId: string, page: Page): Promise<Listed<User>>;
  /**
   * Ends the user's sessions, but `keptSession`, where the password or the status changes. `last_admin`: nothing was
   * done, because no active administrator would be left.
   */
  update(
    user: User,
    patch: UserPatch,
    audit: AuditEntry,
    keptSession?: string,
  ): Promise<'done' | 'last_admin'>;
  remove(user: User, audit: AuditEntry): Promise<'done' | 'last_admin'>;
}

export interface NewUser {
  email: string;
  password: string;
  role: Role;
}

export interface PreparedUser {
  record: UserRecord;
  audit: AuditEntry;
}

/** The people of a tenant. An id of another tenant is an unknown id. */
export interface Users {
  /** Judges and hashes, and stores nothing yet. */
  prepare(tenantId: string, user: NewUser, by: Actor): Promise<PreparedUser>;
  /** Throws CONFLICT when the e-mail is taken. */
  create(tenantId: string, user: NewUser, by: Actor): Promise<User>;
  list(tenantId: string, page: Page): Promise<Listed<User>>;
  get(tenantId: string, id: string): Promise<User | undefined>;
  update(
    user: User,
    change: { role?: Role; status?: User['status']; password?: string },
    by: Actor,
  ): Promise<User>;
  remove(user: User, by: Actor): Promise<void>;
}

interface Deps {
  store: UserStore;
  passwords: Passwords;
  /** Told whose credentials changed. */
  onChanged: (tenantId: string) => void;
  clock: Clock;
}

export function createUsers({ store, passwords, onChanged, clock }: Deps): Users {
  const audited = (user: User, action: AuditAction, by: Actor, details = {}): AuditEntry => ({
    ...{ actor: by, tenantId: user.tenantId, action, atMs: clock.nowMs() },
    ...{ target: `user:${user.id}`, details: { email: user.email, ...details } },
  });
  async function prepare(
    tenantId: string,
    { email, password, role }: NewUser,
    by: Actor,
  ): Promise<PreparedUser> {
    const record: UserRecord = {
      ...{ id: randomUUID(), tenantId, email: email.trim(), role, status: 'active' },
      ...{ createdAtMs: clock.nowMs(), passwordHash: await passwords.hash(password, email) },
    };
    const after = factsOf(record);
    return { record, audit: audited(record, 'user_created', by, { role, after }) };
  }

  return {
    prepare,
    async create(tenantId, wanted, by) {
      const { record, audit } = await prepare(tenantId, wanted, by);
      if (!(await store.insert(record, audit))) throw emailTaken();
      return toUser(record);
    },
    list: (tenantId, page) => store.list(tenantId, page),
    async get(tenantId, id) {
      const record = await store.find(tenantId, id);
      return record && toUser(record);
    },
    async update(user, { password, ...rest }, by) {
      const patch: UserPatch = { ...rest };
      if (password !== undefined) patch.passwordHash = await passwords.hash(password, user.email);
      const facts = {
        ...{ before: factsOf(user), after: factsOf({ ...user, ...rest }) },
        ...(password === undefined ? {} : { password: 'changed' }),
      };
      const outcome = await store.update(user, patch, audited(user, 'user_updated', by, facts));
      refuseLastAdmin(outcome);
      onChanged(user.tenantId);
      return { ...user, ...rest };
    },
    async remove(user, by) {
      const before = factsOf(user);
      refuseLastAdmin(await store.remove(user, audited(user, 'user_deleted', by, { before })));
      onChanged(user.tenantId);
    },
  };
}

const factsOf = ({ role, status }: User) => ({ role, status });

export function toUser({ id, tenantId, email, role, status, createdAtMs }: User): User {
  return { id, tenantId, email, role, status, createdAtMs };
}

export function emailTaken(): GaugewayError {
  return new GaugewayError('CONFLICT', 'this e-mail has an account already');
}

function refuseLastAdmin(outcome: 'done' | 'last_admin'): void {
  if (outcome === 'done') return;
  throw new GaugewayError('CONFLICT', 'a tenant keeps at least one active administrator');
}
