import type { Knex } from 'knex';
import type { RuleStore, StoredRule } from '../../alert-desk/index.ts';
import { addAudit } from './audit-store.ts';
import { toDate, toMs } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  name: string;
  spec: Record<string, unknown>;
  enabled: boolean;
  version: string;
  created_at: Date;
  created_by: string;
  updated_at: Date;
  updated_by: string;
}

export function createRuleStore(knex: Knex): RuleStore {
  return withUnavailable<RuleStore>({
    async list(tenantId) {
      const rows = await knex('rules')
        .where({ tenant_id: tenantId })
        .orderBy(['name', 'id'])
        .select<Row[]>('*');
      return rows.map(toRule);
    },
    async find(tenantId, id) {
      const row = (await knex('rules').where({ tenant_id: tenantId, id }).first()) as
        Row | undefined;
      return row && toRule(row);
    },
    add: (tenantId, rule, most, audit) =>
      knex.transaction(async (trx) => {
        // Locked, so that two requests do not both find room for the last rule.
        await trx('tenants').where({ id: tenantId }).forUpdate().first('id');
        const counted = await trx('rules')
          .where({ tenant_id: tenantId })
          .count<{ count: string }[]>('* as count');
        if (Number(counted[0]?.count ?? 0) >= most) return false;
        await trx('rules').insert({
          ...{ tenant_id: tenantId, id: rule.id, name: rule.name, enabled: rule.enabled },
          ...{ spec: JSON.stringify(rule.spec), version: rule.version },
          ...{ created_at: toDate(rule.createdAtMs), created_by: rule.createdBy },
          ...{ updated_at: toDate(rule.updatedAtMs), updated_by: rule.updatedBy },
        });
        await addAudit(trx, audit);
        return true;
      }),
    change: (tenantId, rule, version, audit) =>
      knex.transaction(async (trx) => {
        const changed = await trx('rules')
          .where({ tenant_id: tenantId, id: rule.id, version })
          .update({
            ...{ name: rule.name, spec: JSON.stringify(rule.spec), enabled: rule.enabled },
            ...{ version: version + 1 },
            ...{ updated_at: toDate(rule.updatedAtMs), updated_by: rule.updatedBy },
          });
        if (changed > 0) await addAudit(trx, audit);
        return changed > 0;
      }),
    remove: (tenantId, id, version, audit) =>
      knex.transaction(async (trx) => {
        const removed = await trx('rules').where({ tenant_id: tenantId, id, version }).delete();
        if (removed > 0) await addAudit(trx, audit);
        return removed > 0;
      }),
  });
}

function toRule(row: Row): StoredRule {
  return {
    ...{ id: row.id, name: row.name, spec: row.spec, enabled: row.enabled },
    version: Number(row.version),
    ...{ createdAtMs: toMs(row.created_at), createdBy: row.created_by },
    ...{ updatedAtMs: toMs(row.updated_at), updatedBy: row.updated_by },
  };
}
