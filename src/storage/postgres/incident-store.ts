import type { Knex } from 'knex';
import type {
  IncidentDelivery,
  IncidentEvent,
  IncidentFilter,
  IncidentStore,
  StoredIncident,
} from '../../alert-desk/index.ts';
import { addAudit } from './audit-store.ts';
import { listed, toMs } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

export interface IncidentListRow {
  id: string;
  group_key: string;
  rule_key: string;
  rule_name: string;
  fingerprint: string;
  host_id: string | null;
  severity: string | null;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  value: number;
  channels: string[];
  generator_url: string | null;
  opened_at_ms: string;
  closed_at_ms: string | null;
  told: 'nothing' | 'firing' | 'resolved';
  last_notice_ms: string | null;
  flaps: number;
  ack_by: string | null;
  ack_at_ms: string | null;
  ack_comment: string | null;
  ack_until_ms: string | null;
}

/** What no id is, so that a text which is none finds nothing, not an error of the database. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function createIncidentStore(knex: Knex): IncidentStore {
  return withUnavailable<IncidentStore>({
    list: (tenantId, filter, page) =>
      listed(
        filtered(knex('incidents').where({ tenant_id: tenantId }), filter).orderBy([
          { column: 'opened_at_ms', order: 'desc' },
          { column: 'id' },
        ]),
        page,
        toIncident,
      ),
    async find(tenantId, id) {
      if (!uuid.test(id)) return undefined;
      const row = (await knex('incidents').where({ tenant_id: tenantId, id }).first()) as
        IncidentListRow | undefined;
      return row && toIncident(row);
    },
    async timeline(tenantId, id) {
      if (!uuid.test(id)) return [];
      const rows = await knex('incident_events')
        .where({ tenant_id: tenantId, incident_id: id })
        .orderBy('id')
        .limit(1_000)
        .select<{ at_ms: string; kind: string; actor: string | null; detail: object }[]>('*');
      return rows.map(({ at_ms: atMs, kind, actor, detail }) => ({
        ...{ atMs: Number(atMs), kind, actor },
        detail: detail as IncidentEvent['detail'],
      }));
    },
    deliveries: (tenantId, id) => deliveriesOf(knex, tenantId, id),
    acknowledge: (tenantId, ids, decide, note) =>
      knex.transaction(async (trx) => {
        const rows = await trx('incidents')
          .where({ tenant_id: tenantId })
          .whereIn(
            'id',
            ids.filter((id) => uuid.test(id)),
          )
          // In one order, so that two such requests wait for each other and not in a circle.
          .orderBy('id')
          .forUpdate()
          .select<IncidentListRow[]>('*');
        for (const incident of rows.map(toIncident)) {
          const episode = decide(incident);
          if (episode) await writeAcknowledgement(trx, { tenantId, incident, episode, note });
        }
      }),
  });
}

interface Written {
  tenantId: string;
  incident: StoredIncident;
  episode: StoredIncident['episode'];
  note: Parameters<IncidentStore['acknowledge']>[3];
}

async function writeAcknowledgement(
  trx: Knex.Transaction,
  { tenantId, incident: { id }, episode, note }: Written,
): Promise<void> {
  const { acknowledgement: ack } = episode;
  await trx('incidents')
    .where({ tenant_id: tenantId, id })
    .update({
      ...{ ack_by: ack?.by ?? null, ack_at_ms: ack?.atMs ?? null },
      ...{ ack_comment: ack?.comment ?? null, ack_until_ms: ack?.untilMs ?? null },
    });
  const { atMs, kind, actor, detail } = note.event;
  await trx('incident_events').insert({
    ...{ tenant_id: tenantId, incident_id: id, at_ms: atMs, kind, actor },
    detail: JSON.stringify(detail),
  });
  await addAudit(trx, { ...note.audit, target: `alert:${id}` });
}

function filtered(query: Knex.QueryBuilder, filter: IncidentFilter): Knex.QueryBuilder {
  const { state, hostId, severity, ruleKey, sinceMs, equal = [], nowMs } = filter;
  const acknowledged = 'ack_at_ms is not null and (ack_until_ms is null or ack_until_ms > ?)';
  if (state === 'resolved') query.whereNotNull('closed_at_ms');
  else if (state !== undefined) {
    const condition = state === 'acknowledged' ? acknowledged : `not (${acknowledged})`;
    query.whereNull('closed_at_ms').whereRaw(`(${condition})`, [nowMs]);
  }
  if (hostId !== undefined) query.where({ host_id: hostId });
  if (severity !== undefined) query.where({ severity });
  if (ruleKey !== undefined) query.where({ rule_key: ruleKey });
  if (sinceMs !== undefined) {
    query.whereRaw('(opened_at_ms >= ? or closed_at_ms >= ?)', [sinceMs, sinceMs]);
  }
  for (const { name, value, isEqual } of equal) {
    query.whereRaw(`coalesce(labels ->> ?, '') ${isEqual ? '=' : '<>'} ?`, [name, value]);
  }
  return query;
}

interface DeliveryRow {
  id: string;
  channel: string;
  kind: string;
  status: string;
  reason: string | null;
  attempts: number;
  created_at: Date;
  finished_at: Date | null;
}

async function deliveriesOf(knex: Knex, tenantId: string, id: string): Promise<IncidentDelivery[]> {
  if (!uuid.test(id)) return [];
  const rows = await knex('deliveries')
    .where({ tenant_id: tenantId, incident_id: id })
    .orderBy('id')
    .limit(1_000)
    .select<DeliveryRow[]>('*');
  return rows.map((row) => ({
    ...{ id: row.id, channel: row.channel, kind: row.kind, status: row.status },
    ...{ reason: row.reason, attempts: row.attempts, createdAtMs: toMs(row.created_at) },
    finishedAtMs: row.finished_at && toMs(row.finished_at),
  }));
}

export function toIncident(row: IncidentListRow): StoredIncident {
  return {
    ...{ id: row.id, groupKey: row.group_key, ruleKey: row.rule_key, ruleName: row.rule_name },
    ...{ fingerprint: row.fingerprint, hostId: row.host_id, severity: row.severity },
    ...{ labels: row.labels, annotations: row.annotations, value: row.value },
    ...{ channels: row.channels, generatorUrl: row.generator_url },
    episode: {
      openedAtMs: Number(row.opened_at_ms),
      closedAtMs: row.closed_at_ms === null ? undefined : Number(row.closed_at_ms),
      told: row.told,
      ...(row.last_notice_ms === null ? {} : { lastFiringNoticeMs: Number(row.last_notice_ms) }),
      flaps: row.flaps,
      ...acknowledgementOf(row),
    },
  };
}

function acknowledgementOf(
  row: IncidentListRow,
): Pick<StoredIncident['episode'], 'acknowledgement'> {
  if (row.ack_by === null || row.ack_at_ms === null) return {};
  return {
    acknowledgement: {
      ...{ by: row.ack_by, atMs: Number(row.ack_at_ms), comment: row.ack_comment ?? '' },
      ...(row.ack_until_ms === null ? {} : { untilMs: Number(row.ack_until_ms) }),
    },
  };
}
