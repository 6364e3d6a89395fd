import type { Knex } from 'knex';
import type { ApiRule } from '../../ruler/index.ts';

interface RuleRow {
  tenant_id: string;
  id: string;
  spec: ApiRule['spec'];
}

/** The rules that are to be evaluated, of all tenants: rulers work for all. */
export function createRuleReader(knex: Knex): () => Promise<readonly ApiRule[]> {
  return async () => {
    const rows = await knex('rules')
      .where({ enabled: true })
      .orderBy(['tenant_id', 'id'])
      .select<RuleRow[]>('tenant_id', 'id', 'spec');
    return rows.map(({ tenant_id: tenantId, id, spec }) => ({ tenantId, id, spec }));
  };
}
