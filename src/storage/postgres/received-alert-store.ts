import type { Knex } from 'knex';
import type { ReceivedAlert, ReceivedAlertStore } from '../../alert-desk/index.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  fingerprint: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  starts_at_ms: string;
  ends_at_ms: string;
  updated_at_ms: string;
  generator_url: string | null;
}

/** Alertmanager's merge (alert/alert.go): of an alert that goes on the earliest start counts, and the youngest word. */
const mergeSql = `
  INSERT INTO received_alerts AS known (
    tenant_id, fingerprint, labels, annotations, starts_at_ms, ends_at_ms, updated_at_ms, generator_url)
  SELECT :tenantId, posted.fingerprint, posted.labels, posted.annotations, posted."startsAtMs",
    posted."endsAtMs", posted."updatedAtMs", posted."generatorUrl"
  FROM jsonb_to_recordset(:posted::jsonb) AS posted (
    fingerprint text, labels jsonb, annotations jsonb, "startsAtMs" bigint, "endsAtMs" bigint,
    "updatedAtMs" bigint, "generatorUrl" text)
  ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET
    annotations = excluded.annotations,
    generator_url = excluded.generator_url,
    starts_at_ms = CASE
      WHEN known.ends_at_ms >= excluded.starts_at_ms
      THEN least(known.starts_at_ms, excluded.starts_at_ms) ELSE excluded.starts_at_ms END,
    ends_at_ms = excluded.ends_at_ms,
    updated_at_ms = excluded.updated_at_ms
  WHERE known.updated_at_ms <= excluded.updated_at_ms`;

export function createReceivedAlertStore(knex: Knex): ReceivedAlertStore {
  return withUnavailable<ReceivedAlertStore>({
    merge: (tenantId, alerts, { most, forgetBeforeMs }) =>
      allOrNothing(knex, async (trx) => {
        // Locked, so that posts of two senders do not meet each other's rows in different order.
        await trx('tenants').where({ id: tenantId }).forUpdate().first('id');
        await trx('received_alerts')
          .where({ tenant_id: tenantId })
          .where('ends_at_ms', '<', forgetBeforeMs)
          .delete();
        await trx.raw(mergeSql, { tenantId, posted: JSON.stringify(alerts) });
        const counted = await trx('received_alerts')
          .where({ tenant_id: tenantId })
          .count<{ count: string }[]>('* as count');
        return Number(counted[0]?.count ?? 0) <= most;
      }),
    async list(tenantId) {
      const rows = await knex('received_alerts')
        .where({ tenant_id: tenantId })
        .orderBy('fingerprint')
        .select<Row[]>('*');
      return rows.map(toAlert);
    },
  });
}

class Refused extends Error {}

/** Commits where `work` says true, else leaves everything as it was. */
async function allOrNothing(
  knex: Knex,
  work: (trx: Knex.Transaction) => Promise<boolean>,
): Promise<boolean> {
  try {
    await knex.transaction(async (trx) => {
      if (!(await work(trx))) throw new Refused();
    });
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

function toAlert(row: Row): ReceivedAlert {
  return {
    ...{ fingerprint: row.fingerprint, labels: row.labels, annotations: row.annotations },
    ...{ startsAtMs: Number(row.starts_at_ms), endsAtMs: Number(row.ends_at_ms) },
    ...{ updatedAtMs: Number(row.updated_at_ms), generatorUrl: row.generator_url },
  };
}
