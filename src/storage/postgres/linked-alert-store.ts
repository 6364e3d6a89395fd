import type { Knex } from 'knex';
import type { LinkedAlert, LinkedAlerts } from '../../notify/index.ts';
import { addAudit } from './audit-store.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  rule_name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  value: number;
  opened_at_ms: string;
  closed_at_ms: string | null;
  ack_by: string | null;
}

const nowMs = 'floor(extract(epoch FROM clock_timestamp()) * 1000)';
const isHeld = `ack_at_ms IS NOT NULL AND (ack_until_ms IS NULL OR ack_until_ms > ${nowMs})`;

/** The alerts behind an acknowledge link. */
export function createLinkedAlertStore(knex: Knex): LinkedAlerts {
  const store: LinkedAlerts = {
    async find(tenantId, { kind, id }) {
      const query = knex('incidents')
        .where({ tenant_id: tenantId })
        .select('*', knex.raw(`CASE WHEN ${isHeld} THEN ack_by END AS ack_by`))
        .orderBy('opened_at_ms');
      const ofMessage = knex('deliveries').where({ tenant_id: tenantId, message_id: id });
      const rows = (await (kind === 'incident'
        ? query.where({ id })
        : query.whereIn('id', ofMessage.select('incident_id')))) as Row[];
      return rows.map(toAlert);
    },
    acknowledge: (tenantId, incidentIds, by) =>
      knex.transaction(async (trx) => {
        const { rows } = await trx.raw<{ rows: { id: string; ack_at_ms: string }[] }>(
          `UPDATE incidents SET ack_by = :name, ack_at_ms = ${nowMs}, ack_comment = :comment, ack_until_ms = NULL
           WHERE tenant_id = :tenantId AND id = ANY(:ids) AND closed_at_ms IS NULL AND NOT (${isHeld})
           RETURNING id, ack_at_ms`,
          { tenantId, ids: [...incidentIds], name: by.name, comment: by.comment },
        );
        const { name, comment, via, ip } = by;
        for (const { id, ack_at_ms: atMs } of rows) {
          await trx('incident_events').insert({
            ...{ tenant_id: tenantId, incident_id: id, at_ms: atMs, kind: 'acknowledged' },
            ...{ actor: name, detail: JSON.stringify({ comment, via: `link in ${via}` }) },
          });
          await addAudit(trx, {
            // The name is what somebody with the link typed: nobody signed in.
            actor: { kind: 'system', id: 'acknowledge-link', name, tenantId, ip },
            ...{ tenantId, action: 'alert_acknowledged', target: `incident:${id}` },
            ...{ atMs: Number(atMs), details: { comment, via } },
          });
        }
        return rows.length;
      }),
  };
  return withUnavailable(store);
}

function toAlert(row: Row): LinkedAlert {
  return {
    ...{ incidentId: row.id, ruleName: row.rule_name, labels: row.labels },
    ...{ annotations: row.annotations, value: row.value, acknowledgedBy: row.ack_by },
    startsAtMs: Number(row.opened_at_ms),
    endsAtMs: row.closed_at_ms === null ? null : Number(row.closed_at_ms),
  };
}
