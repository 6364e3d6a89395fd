import type { Knex } from 'knex';
import type { Tenant, TenantPolicy, TenantStatus, TenantStore } from '../../access/index.ts';
import { addAudit } from './audit-store.ts';
import { isDuplicate, listed, toDate, toMs } from './rows.ts';
import { insertUser } from './user-store.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  name: string;
  status: TenantStatus;
  status_reason: string | null;
  policy: Partial<TenantPolicy>;
  created_at: Date;
}

export function createTenantStore(knex: Knex): TenantStore {
  const store: TenantStore = {
    async insert(tenant, audit, admin) {
      try {
        await knex.transaction(async (trx) => {
          await trx('tenants').insert({
            id: tenant.id,
            name: tenant.name,
            policy: JSON.stringify(tenant.policy),
            created_at: toDate(tenant.createdAtMs),
          });
          await addAudit(trx, audit);
          if (admin) await insertUser(trx, admin.record, admin.audit);
        });
        return 'done';
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        return error.constraint === 'users_email_unique' ? 'email_taken' : 'id_taken';
      }
    },
    async find(id) {
      const row = (await knex('tenants').where({ id }).first()) as Row | undefined;
      return row && toTenant(row);
    },
    list: (page) => listed(knex('tenants').orderBy('id'), page, toTenant),
    all: async () => ((await knex('tenants').orderBy('id')) as Row[]).map(toTenant),
    async update(id, { name, policy }, audit) {
      await knex.transaction(async (trx) => {
        await trx('tenants')
          .where({ id })
          .update({
            ...(name === undefined ? {} : { name }),
            ...(policy === undefined ? {} : { policy: JSON.stringify(policy) }),
          });
        await addAudit(trx, audit);
      });
    },
    setStatus: (id, { from, to, reason }, audit) =>
      knex.transaction(async (trx) => {
        const changed = await trx('tenants')
          .where({ id })
          .whereIn('status', [...from])
          .update({ status: to, status_reason: reason });
        if (changed === 0) return false;
        if (to !== 'active') {
          await trx('sessions')
            .where({ tenant_id: id, revoked_at: null })
            .update({ revoked_at: toDate(audit.atMs), revoked_reason: `tenant ${to}` });
        }
        await addAudit(trx, audit);
        return true;
      }),
  };
  return withUnavailable(store);
}

function toTenant(row: Row): Tenant {
  const { id, name, status, status_reason: statusReason, policy } = row;
  return { id, name, status, statusReason, policy, createdAtMs: toMs(row.created_at) };
}
