import type { Knex } from 'knex';
import type { GroupLease, Incident, RulerStore, SlotCommit } from '../../ruler/index.ts';
import {
  toAcknowledgement,
  toIncident,
  toSilence,
  toStoredInstance,
  type IncidentRow,
  type InstanceRow,
  type SilenceRow,
} from './alert-rows.ts';

/** Evaluations of each rule that `explain` can look at. */
const evaluationsKept = 60;

type AlertStore = Pick<RulerStore, 'load' | 'touched' | 'commit'>;

/** States, incidents and the outbox of the groups that a ruler holds; each slot is one transaction. */
export function createAlertStore(knex: Knex): AlertStore {
  return {
    async load({ tenantId, groupKey }) {
      const group = { tenant_id: tenantId, group_key: groupKey };
      const [instances, incidents] = await Promise.all([
        knex('alert_instances').where(group) as Promise<InstanceRow[]>,
        knex('incidents').where({ ...group, is_current: true }) as Promise<IncidentRow[]>,
      ]);
      return {
        instances: instances.map(toStoredInstance),
        incidents: incidents.map(toIncident),
      };
    },
    async touched({ tenantId, groupKey }) {
      const [incidents, silences, clock] = await Promise.all([
        knex('incidents')
          .where({ tenant_id: tenantId, group_key: groupKey, is_current: true })
          .whereRaw(`(ack_at_ms IS NOT NULL OR told = 'nothing')`) as Promise<IncidentRow[]>,
        knex('silences')
          .where({ tenant_id: tenantId })
          .whereRaw(`ends_at_ms > extract(epoch FROM clock_timestamp()) * 1000`) as Promise<
          SilenceRow[]
        >,
        knex.raw<{ rows: { now_ms: string }[] }>(
          `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS now_ms`,
        ),
      ]);
      return {
        nowMs: Number(clock.rows[0]?.now_ms),
        incidents: incidents.map((row) => ({
          id: row.id,
          told: row.told,
          acknowledgement: toAcknowledgement(row),
        })),
        silences: silences.map(toSilence),
      };
    },
    commit: (lease, slot) =>
      knex.transaction(async (trx) => {
        if (!(await holds(trx, lease, slot.slotMs))) return 'fenced';
        const write = new SlotWriter(trx, lease);
        await write.instances(slot.instances);
        await write.incidents(slot.incidents);
        await write.events(slot);
        await write.deliveries(slot.deliveries);
        await write.evaluations(slot);
        await write.group(slot);
        return 'committed';
      }),
  };
}

/** Locks the group's row; a ruler whose lease another one took finds another epoch, and a slot is stored once. */
async function holds(trx: Knex.Transaction, lease: GroupLease, slotMs: number): Promise<boolean> {
  const row = await trx('rule_groups')
    .where({ tenant_id: lease.tenantId, key: lease.groupKey, epoch: lease.epoch })
    .whereRaw('(last_slot_ms IS NULL OR last_slot_ms < ?)', [slotMs])
    .forUpdate()
    .first<{ epoch: string } | undefined>('epoch');
  return row !== undefined;
}

const orNull = (value: number | undefined): number | null => value ?? null;

class SlotWriter {
  private readonly trx: Knex.Transaction;
  private readonly tenantId: string;
  private readonly groupKey: string;

  constructor(trx: Knex.Transaction, { tenantId, groupKey }: GroupLease) {
    this.trx = trx;
    this.tenantId = tenantId;
    this.groupKey = groupKey;
  }

  private run(sql: string, values: Record<string, Knex.Value>): Promise<unknown> {
    const { tenantId, groupKey } = this;
    return this.trx.raw(sql, { tenantId, groupKey, ...values });
  }

  /** Rows by way of one JSON text a statement: 5,000 rows cost 30 ms and no limit of arguments is met. */
  private rows(sql: string, rows: readonly object[]): Promise<unknown> | undefined {
    return rows.length === 0
      ? undefined
      : this.run(sql, { rows: JSON.stringify(rows, textOfNumber) });
  }

  async instances({ put, drop }: SlotCommit['instances']): Promise<void> {
    await this.rows(
      `DELETE FROM alert_instances i USING jsonb_to_recordset(:rows) AS r (rule_key text, fingerprint text)
       WHERE i.tenant_id = :tenantId AND i.group_key = :groupKey
         AND i.rule_key = r.rule_key AND i.fingerprint = r.fingerprint`,
      drop.map(({ ruleKey, fingerprint }) => ({ rule_key: ruleKey, fingerprint })),
    );
    await this.rows(
      putInstances,
      put.map(({ ruleKey, fingerprint, instance }) => ({
        ...{ rule_key: ruleKey, fingerprint, label_key: instance.key },
        labels: Object.fromEntries(instance.labels),
        annotations: Object.fromEntries(instance.annotations),
        ...{ value: instance.value, state: instance.state, active_at_ms: instance.activeAtMs },
        fired_at_ms: orNull(instance.firedAtMs),
        resolved_at_ms: orNull(instance.resolvedAtMs),
        keep_firing_since_ms: orNull(instance.keepFiringSinceMs),
        ...{ absences: instance.absences, evaluated_at_ms: instance.evaluatedAtMs },
      })),
    );
  }

  /** Those that are over first: only one of an alert may be current. */
  async incidents(changes: SlotCommit['incidents']): Promise<void> {
    const rowsOf = (isCurrent: boolean) =>
      changes
        .filter((change) => change.isCurrent === isCurrent)
        .map(({ incident }) => incidentRow(incident, isCurrent));
    await this.rows(putIncidents, rowsOf(false));
    await this.rows(putIncidents, rowsOf(true));
  }

  async events({ events, slotMs }: SlotCommit): Promise<void> {
    await this.rows(
      `INSERT INTO incident_events (tenant_id, incident_id, at_ms, kind, detail)
       SELECT :tenantId, r.* FROM jsonb_to_recordset(:rows)
         AS r (incident_id uuid, at_ms bigint, kind text, detail jsonb)`,
      events.map(({ incidentId, kind, detail }) => ({
        ...{ incident_id: incidentId, at_ms: slotMs, kind, detail },
      })),
    );
  }

  async deliveries(deliveries: SlotCommit['deliveries']): Promise<void> {
    await this.rows(
      `INSERT INTO deliveries (tenant_id, group_key, incident_id, rule_key, channel, kind, seq, alert, idempotency_key, status)
       SELECT :tenantId, :groupKey, r.*, 'queued' FROM jsonb_to_recordset(:rows)
         AS r (incident_id uuid, rule_key text, channel text, kind text, seq integer, alert jsonb, idempotency_key text)
       ON CONFLICT (idempotency_key) DO NOTHING`,
      deliveries.map(({ incidentId, ruleKey, channel, kind, seq, alert }) => ({
        ...{ incident_id: incidentId, rule_key: ruleKey, channel, kind, seq, alert },
        idempotency_key: `${incidentId}:${channel}:${seq}`,
      })),
    );
  }

  async evaluations({ evaluations, slotMs }: SlotCommit): Promise<void> {
    await this.rows(
      putEvaluations,
      evaluations.map((one) => ({
        ...{ rule_key: one.ruleKey, slot_ms: slotMs, duration_ms: one.durationMs },
        ...{ error: one.error ?? null, is_partial: one.isPartial, rows: one.rows },
        decisions: one.decisions,
      })),
    );
  }

  async group(slot: SlotCommit): Promise<void> {
    await this.run(
      `UPDATE rule_groups SET last_slot_ms = :slotMs, next_slot_ms = :nextSlotMs, missed = missed + :missed,
         evaluations = evaluations + 1,
         duration_ms = :durationMs, health = :health,
         failing = CASE WHEN :isFailing THEN failing + 1 ELSE 0 END
       WHERE tenant_id = :tenantId AND key = :groupKey`,
      {
        ...{ slotMs: slot.slotMs, nextSlotMs: slot.nextSlotMs, missed: slot.missed },
        ...{ durationMs: slot.durationMs, health: JSON.stringify(slot.health) },
        isFailing: slot.evaluations.some(({ error }) => error !== undefined),
      },
    );
  }
}

/** JSON has no word for these, and Postgres reads the texts as numbers. */
function textOfNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function incidentRow(incident: Incident, isCurrent: boolean) {
  const { episode, labels } = incident;
  return {
    ...{ id: incident.id, rule_key: incident.ruleKey, rule_name: incident.ruleName },
    ...{ fingerprint: incident.fingerprint, label_key: incident.key },
    ...{ host_id: labels.get('host_id') ?? null, severity: labels.get('severity') ?? null },
    labels: Object.fromEntries(labels),
    annotations: Object.fromEntries(incident.annotations),
    ...{ value: incident.value, channels: incident.channels, told: episode.told },
    generator_url: incident.generatorUrl ?? null,
    ...{ opened_at_ms: episode.openedAtMs, closed_at_ms: orNull(episode.closedAtMs) },
    last_notice_ms: orNull(episode.lastFiringNoticeMs),
    ...{ flaps: episode.flaps, notice_seq: incident.seq, is_current: isCurrent },
  };
}

const putInstances = `
  INSERT INTO alert_instances (tenant_id, group_key, rule_key, fingerprint, label_key, labels, annotations, value, state,
    active_at_ms, fired_at_ms, resolved_at_ms, keep_firing_since_ms, absences, evaluated_at_ms)
  SELECT :tenantId, :groupKey, r.* FROM jsonb_to_recordset(:rows) AS r (rule_key text, fingerprint text, label_key text,
    labels jsonb, annotations jsonb, value double precision, state text, active_at_ms bigint, fired_at_ms bigint,
    resolved_at_ms bigint, keep_firing_since_ms bigint, absences integer, evaluated_at_ms bigint)
  ON CONFLICT (tenant_id, group_key, rule_key, fingerprint) DO UPDATE SET
    annotations = excluded.annotations, value = excluded.value, state = excluded.state,
    active_at_ms = excluded.active_at_ms, fired_at_ms = excluded.fired_at_ms, resolved_at_ms = excluded.resolved_at_ms,
    keep_firing_since_ms = excluded.keep_firing_since_ms, absences = excluded.absences,
    evaluated_at_ms = excluded.evaluated_at_ms`;

/** An acknowledgement is people's: it is never written from here. */
const putIncidents = `
  INSERT INTO incidents (tenant_id, group_key, id, rule_key, rule_name, fingerprint, label_key, host_id, severity, labels,
    annotations, value, channels, told, generator_url, opened_at_ms, closed_at_ms, last_notice_ms, flaps, notice_seq,
    is_current)
  SELECT :tenantId, :groupKey, r.* FROM jsonb_to_recordset(:rows) AS r (id uuid, rule_key text, rule_name text,
    fingerprint text, label_key text, host_id text, severity text, labels jsonb, annotations jsonb,
    value double precision, channels jsonb, told text, generator_url text, opened_at_ms bigint, closed_at_ms bigint,
    last_notice_ms bigint, flaps integer, notice_seq integer, is_current boolean)
  ON CONFLICT (id) DO UPDATE SET annotations = excluded.annotations, value = excluded.value,
    closed_at_ms = excluded.closed_at_ms, told = excluded.told, last_notice_ms = excluded.last_notice_ms,
    flaps = excluded.flaps, notice_seq = excluded.notice_seq, is_current = excluded.is_current`;

const putEvaluations = `
  INSERT INTO rule_evaluations (tenant_id, group_key, rule_key, place, slot_ms, duration_ms, error, is_partial, rows, decisions)
  SELECT :tenantId, :groupKey, r.rule_key, CAST(g.evaluations % ${evaluationsKept} AS smallint), r.slot_ms, r.duration_ms,
    r.error, r.is_partial, r.rows, r.decisions
  FROM jsonb_to_recordset(:rows) AS r (rule_key text, slot_ms bigint, duration_ms double precision, error text,
    is_partial boolean, rows integer, decisions jsonb)
  JOIN rule_groups g ON g.tenant_id = :tenantId AND g.key = :groupKey
  ON CONFLICT (tenant_id, group_key, rule_key, place) DO UPDATE SET slot_ms = excluded.slot_ms,
    duration_ms = excluded.duration_ms, error = excluded.error, is_partial = excluded.is_partial,
    rows = excluded.rows, decisions = excluded.decisions`;
