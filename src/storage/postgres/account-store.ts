import type { Knex } from 'knex';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

export interface AccountStore {
  /** The number of the tenant's account in VictoriaMetrics clusters: the same for ever and in every process. */
  of(tenantId: string): Promise<number>;
}

/** Accounts are given out when they are first asked for, and never again: what comes late finds no other tenant there. */
export function createAccountStore(knex: Knex): AccountStore {
  const known = new Map<string, number>();
  const find = async (tenantId: string): Promise<number | undefined> => {
    const row = await knex<{ tenant_id: string; account_id: number }>('storage_accounts')
      .where({ tenant_id: tenantId })
      .first('account_id');
    return row?.account_id;
  };
  const store: AccountStore = {
    async of(tenantId) {
      const number = known.get(tenantId) ?? (await find(tenantId)) ?? (await open(tenantId));
      known.set(tenantId, number);
      return number;
    },
  };
  const open = async (tenantId: string): Promise<number> => {
    await knex('storage_accounts').insert({ tenant_id: tenantId }).onConflict('tenant_id').ignore();
    const number = await find(tenantId);
    if (number === undefined) throw new Error(`no account for tenant ${tenantId}`);
    return number;
  };
  return acrossTenants(withUnavailable(store));
}
