import type { Knex } from 'knex';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

/** What a tenant allows beyond the installation's whitelist. */
export interface WhitelistOverrides {
  exact: string[];
  patterns: string[];
}

export interface WhitelistOverrideStore {
  /** By tenant; those without overrides are absent. */
  all(): Promise<Map<string, WhitelistOverrides>>;
  of(tenantId: string): Promise<WhitelistOverrides>;
  set(tenantId: string, overrides: WhitelistOverrides): Promise<void>;
}

interface Row {
  tenant_id: string;
  pattern: string;
  kind: 'exact' | 'pattern';
}

export function createWhitelistOverrideStore(knex: Knex): WhitelistOverrideStore {
  const store: WhitelistOverrideStore = {
    async all() {
      const byTenant = new Map<string, Row[]>();
      for (const row of (await knex('whitelist_overrides').orderBy('pattern')) as Row[]) {
        byTenant.set(row.tenant_id, [...(byTenant.get(row.tenant_id) ?? []), row]);
      }
      return new Map([...byTenant].map(([tenantId, rows]) => [tenantId, toOverrides(rows)]));
    },
    of: async (tenantId) =>
      toOverrides(
        (await knex('whitelist_overrides')
          .where({ tenant_id: tenantId })
          .orderBy('pattern')) as Row[],
      ),
    async set(tenantId, { exact, patterns }) {
      const rows = new Map<string, Row>();
      for (const pattern of patterns)
        rows.set(pattern, { tenant_id: tenantId, pattern, kind: 'pattern' });
      for (const pattern of exact)
        rows.set(pattern, { tenant_id: tenantId, pattern, kind: 'exact' });
      await knex.transaction(async (trx) => {
        await trx('whitelist_overrides').where({ tenant_id: tenantId }).delete();
        await trx.batchInsert('whitelist_overrides', [...rows.values()]);
      });
    },
  };
  return withUnavailable(acrossTenants(store, 'all'));
}

function toOverrides(rows: readonly Row[]): WhitelistOverrides {
  const ofKind = (wanted: Row['kind']) =>
    rows.filter(({ kind }) => kind === wanted).map(({ pattern }) => pattern);
  return { exact: ofKind('exact'), patterns: ofKind('pattern') };
}
