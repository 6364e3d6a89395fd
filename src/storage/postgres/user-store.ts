import type { Knex } from 'knex';
import type {
  AuditEntry,
  Role,
  User,
  UserPatch,
  UserRecord,
  UserStore,
} from '../../access/index.ts';
import { addAudit } from './audit-store.ts';
import { isDuplicate, listed, toDate, toMs } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

export interface UserRow {
  id: string;
  tenant_id: string;
  email: string;
  password_hash: string;
  role: Role;
  status: 'active' | 'disabled';
  created_at: Date;
}

type UserKey = Pick<User, 'tenantId' | 'id'>;

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createUserStore(knex: Knex): UserStore {
  const store: UserStore = {
    async insert(user, audit) {
      try {
        await knex.transaction((trx) => insertUser(trx, user, audit));
        return true;
      } catch (error) {
        if (isDuplicate(error)) return false;
        throw error;
      }
    },
    async findByEmail(email) {
      const row = (await knex('users')
        .whereRaw('lower(email) = lower(?)', [email.trim()])
        .first()) as UserRow | undefined;
      return row && toRecord(row);
    },
    async find(tenantId, id) {
      if (!isUuid(id)) return undefined;
      const row = (await knex('users').where({ tenant_id: tenantId, id }).first()) as
        UserRow | undefined;
      return row && toRecord(row);
    },
    list: (tenantId, page) =>
      listed(
        knex('users').where({ tenant_id: tenantId }).orderBy(['created_at', 'id']),
        page,
        toUser,
      ),
    update: (user, patch, audit, keptSession) => {
      const demotes = (patch.role ?? 'Admin') !== 'Admin' || patch.status === 'disabled';
      return knex.transaction(async (trx) => {
        if (demotes && (await isLastAdmin(trx, user))) return 'last_admin';
        await updateUser(trx, user, patch, {
          audit,
          ...(keptSession === undefined ? {} : { keptSession }),
        });
        return 'done';
      });
    },
    remove: (user, audit) =>
      knex.transaction(async (trx) => {
        if (await isLastAdmin(trx, user)) return 'last_admin';
        await trx('users').where(keyOf(user)).delete();
        await addAudit(trx, audit);
        return 'done';
      }),
  };
  return withUnavailable(acrossTenants(store, 'findByEmail'));
}

export async function insertUser(
  trx: Knex.Transaction,
  user: UserRecord,
  audit: AuditEntry,
): Promise<void> {
  await trx('users').insert({
    id: user.id,
    tenant_id: user.tenantId,
    email: user.email,
    password_hash: user.passwordHash,
    role: user.role,
    status: user.status,
    created_at: toDate(user.createdAtMs),
  });
  await addAudit(trx, audit);
}

/** The change, the end of the user's sessions where it is one of password or status, and its audit row. */
export async function updateUser(
  trx: Knex.Transaction,
  user: UserKey,
  patch: UserPatch,
  { audit, keptSession }: { audit: AuditEntry; keptSession?: string },
): Promise<void> {
  const columns = {
    ...(patch.role === undefined ? {} : { role: patch.role }),
    ...(patch.status === undefined ? {} : { status: patch.status }),
    ...(patch.passwordHash === undefined ? {} : { password_hash: patch.passwordHash }),
  };
  if (Object.keys(columns).length > 0) await trx('users').where(keyOf(user)).update(columns);
  if (patch.status !== undefined || patch.passwordHash !== undefined) {
    const ended = trx('sessions')
      .where({ tenant_id: user.tenantId, user_id: user.id, revoked_at: null })
      .update({ revoked_at: toDate(audit.atMs), revoked_reason: audit.action });
    await (keptSession === undefined ? ended : ended.whereNot({ id: keptSession }));
    // Whoever asked for it with the old password must not undo the change.
    await trx('password_resets').where({ tenant_id: user.tenantId, user_id: user.id }).delete();
  }
  await addAudit(trx, audit);
}

/** Locks the tenant's administrators, so that two who remove each other at once do not both succeed. */
async function isLastAdmin(trx: Knex.Transaction, user: UserKey): Promise<boolean> {
  const admins = await trx('users')
    .where({ tenant_id: user.tenantId, role: 'Admin', status: 'active' })
    .orderBy('id')
    .forUpdate()
    .select<{ id: string }[]>('id');
  return admins.length === 1 && admins[0]?.id === user.id;
}

/** A path segment that is no UUID names nothing, and Postgres would refuse to compare it. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

export function toUser(row: UserRow): User {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    email: row.email,
    role: row.role,
    status: row.status,
    createdAtMs: toMs(row.created_at),
  };
}

function toRecord(row: UserRow): UserRecord {
  return { ...toUser(row), passwordHash: row.password_hash };
}

function keyOf({ tenantId, id }: UserKey): { tenant_id: string; id: string } {
  return { tenant_id: tenantId, id };
}
