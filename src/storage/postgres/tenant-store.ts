import type { Knex } from 'knex';
import type { Tenant, TenantPolicy, TenantStore } from '../../access/index.ts';
import { addAudit } from './audit-store.ts';
import { isDuplicate, listed, toDate, toMs } from './rows.ts';
import { insertUser } from './user-store.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  name: string;
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
  };
  return withUnavailable(store);
}

function toTenant({ id, name, policy, created_at: createdAt }: Row): Tenant {
  return { id, name, policy, createdAtMs: toMs(createdAt) };
}
