import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { DeliveryFilter, DeliveryRow, DeliveryTrail, TrailRow } from '../../notify/index.ts';
import { addAudit } from './audit-store.ts';
import { listed, toMs, toMsOrNull } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  incident_id: string;
  channel: string;
  kind: DeliveryRow['kind'];
  seq: number;
  status: DeliveryRow['status'];
  reason: string | null;
  attempts: number;
  message_id: string | null;
  former_message_id: string | null;
  rule_name: string;
  created_at: Date;
  next_at: Date;
  finished_at: Date | null;
}

interface AttemptRow {
  message_id: string;
  attempt: number;
  started_at: Date;
  duration_ms: number;
  alerts: number;
  outcome: TrailRow['outcome'];
  status: number | null;
  answer: string | null;
}

const columns = [
  ...['id', 'incident_id', 'channel', 'kind', 'seq', 'status', 'reason', 'attempts'],
  ...['message_id', 'former_message_id', 'created_at', 'next_at', 'finished_at'],
];

/** What was queued, what became of it, and each attempt. */
export function createDeliveryTrail(knex: Knex): DeliveryTrail {
  const trail: DeliveryTrail = {
    async list(tenantId, filter, page) {
      const query = knex('deliveries')
        .where({ tenant_id: tenantId, ...toColumns(filter) })
        .select(...columns, knex.raw(`alert->>'ruleName' AS rule_name`))
        .orderBy('id', 'desc');
      const { items, total } = await listed(query, page, (row: Row) => row);
      const ids = items.flatMap(messagesOf);
      const attempts = (await knex('delivery_attempts')
        .whereIn('message_id', [...new Set(ids)])
        .where({ tenant_id: tenantId })
        .orderBy('id')) as AttemptRow[];
      return { items: items.map((row) => toDelivery(row, attempts)), total };
    },
    resend: (tenantId, id, actor) =>
      knex.transaction(async (trx) => {
        const at = { tenant_id: tenantId, id };
        const row = await trx('deliveries')
          .where(at)
          .forUpdate()
          .first<Pick<Row, 'status'> | undefined>('status');
        if (!row) return undefined;
        if (row.status !== 'dead') return 'not-dead';
        const now = trx.raw('clock_timestamp()');
        await trx('deliveries')
          .where(at)
          .update({
            ...{ status: 'queued', reason: null, attempts: 0, next_at: now, finished_at: null },
            // Alone and under an id of its own: a person wants it sent, whatever the receiver thinks it has.
            ...{ former_message_id: trx.ref('message_id'), message_id: randomUUID() },
          });
        await addAudit(trx, {
          ...{ actor, tenantId, action: 'delivery_resent', target: `delivery:${id}` },
          atMs: Date.now(),
        });
        return 'queued';
      }),
  };
  return withUnavailable(trail);
}

function messagesOf({ message_id: now, former_message_id: before }: Row): string[] {
  return [before, now].filter((id) => id !== null);
}

function toColumns({ incidentId, status, channel }: DeliveryFilter): Record<string, string> {
  return {
    ...(incidentId === undefined ? {} : { incident_id: incidentId }),
    ...(status === undefined ? {} : { status }),
    ...(channel === undefined ? {} : { channel }),
  };
}

function toDelivery(row: Row, attempts: readonly AttemptRow[]): DeliveryRow {
  return {
    ...{ id: row.id, incidentId: row.incident_id, channel: row.channel, kind: row.kind },
    ...{ seq: row.seq, status: row.status, reason: row.reason, attempts: row.attempts },
    ...{ messageId: row.message_id, ruleName: row.rule_name },
    ...{ createdAtMs: toMs(row.created_at), nextAtMs: toMs(row.next_at) },
    finishedAtMs: toMsOrNull(row.finished_at),
    trail: attempts.filter((one) => messagesOf(row).includes(one.message_id)).map(toTrailRow),
  };
}

function toTrailRow(row: AttemptRow): TrailRow {
  return {
    ...{ attempt: row.attempt, startedAtMs: toMs(row.started_at), durationMs: row.duration_ms },
    ...{ alerts: row.alerts, outcome: row.outcome },
    ...{ status: row.status ?? undefined, answer: row.answer ?? undefined },
  };
}
