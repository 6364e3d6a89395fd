import type { Knex } from 'knex';
import type { SilenceStore } from '../../alert-desk/index.ts';
import type { Silence } from '../../alerts/index.ts';
import { addAudit } from './audit-store.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  kind: Silence['kind'];
  matchers: Silence['matchers'];
  starts_at_ms: string;
  ends_at_ms: string;
  created_by: string;
  comment: string;
  updated_at_ms: string;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function createSilenceStore(knex: Knex): SilenceStore {
  return withUnavailable<SilenceStore>({
    async list(tenantId, endedAfterMs) {
      const rows = await knex('silences')
        .where({ tenant_id: tenantId })
        .where('ends_at_ms', '>=', endedAfterMs)
        .orderBy(['ends_at_ms', 'id'])
        .select<Row[]>('*');
      return rows.map(toSilence);
    },
    async find(tenantId, id) {
      if (!uuid.test(id)) return undefined;
      const row = (await knex('silences').where({ tenant_id: tenantId, id }).first()) as
        Row | undefined;
      return row && toSilence(row);
    },
    put: (tenantId, silence, forgetBeforeMs, audit) =>
      knex.transaction(async (trx) => {
        await trx('silences')
          .insert({
            ...{ tenant_id: tenantId, id: silence.id, kind: silence.kind },
            matchers: JSON.stringify(silence.matchers),
            ...{ starts_at_ms: silence.startsAtMs, ends_at_ms: silence.endsAtMs },
            ...{ created_by: silence.createdBy, comment: silence.comment },
            updated_at_ms: silence.updatedAtMs,
          })
          .onConflict(['tenant_id', 'id'])
          .merge();
        await trx('silences')
          .where({ tenant_id: tenantId })
          .where('ends_at_ms', '<', forgetBeforeMs)
          .delete();
        await addAudit(trx, audit);
      }),
  });
}

function toSilence(row: Row): Silence {
  return {
    ...{ id: row.id, kind: row.kind, matchers: row.matchers },
    ...{ startsAtMs: Number(row.starts_at_ms), endsAtMs: Number(row.ends_at_ms) },
    ...{ createdBy: row.created_by, comment: row.comment },
    updatedAtMs: Number(row.updated_at_ms),
  };
}
