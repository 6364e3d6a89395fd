import type { Knex } from 'knex';
import type { AlertNotification } from '../../alerts/index.ts';
import type {
  Attempt,
  ClaimedMessage,
  DeliveryReason,
  Outbox,
  Verdict,
} from '../../notify/index.ts';
import { toSilence, type SilenceRow } from './alert-rows.ts';
import { toDate } from './rows.ts';

interface ClaimedRow {
  id: string;
  tenant_id: string;
  incident_id: string;
  channel: string;
  kind: ClaimedMessage['deliveries'][number]['kind'];
  group_key: string;
  rule_key: string;
  alert: AlertNotification;
  created_ms: string;
  attempts: number;
  message_id: string;
}

/** Any number that no other part takes: claims go one after another, sends at the same time. */
const claimLock = 7_204_115_001n;

/** A process that is stopped in the middle loses its locks: others must not wait for it. */
const notForLong = `SET LOCAL idle_in_transaction_session_timeout = '3s'`;

/** The worker's side of `deliveries`. Times are the database's. */
export function createOutboxStore(knex: Knex): Outbox {
  return {
    claim: (terms) =>
      knex.transaction(async (trx) => {
        // A statement sees what was committed when it began: the ones after this one see all earlier claims.
        await trx.raw(notForLong);
        await trx.raw('SELECT pg_advisory_xact_lock(?)', [claimLock.toString()]);
        await trx.raw(requeueLost);
        const collapsed = await trx.raw<{ rows: { reason: DeliveryReason }[] }>(collapse);
        const { maxMessages, maxAlerts, groupWaitMs, lockMs, worker, busy } = terms;
        const { rows } = await trx.raw<{ rows: ClaimedRow[] }>(claim, {
          ...{ maxMessages, maxAlerts, groupWaitMs, lockMs, worker, busy: [...busy] },
        });
        return {
          messages: toMessages(rows),
          dropped: collapsed.rows.map(({ reason }) => reason),
        };
      }),
    facts: (message) => facts(knex, message),
    async drop(ids, reason, worker) {
      await knex.raw(drop, { ids: [...ids], reason, worker });
    },
    finish: (message, worker, verdict, attempt) =>
      knex.transaction((trx) => finishIn(trx, { message, worker, verdict, attempt })),
    async depth() {
      const { rows } = await knex.raw<{ rows: Record<'queued' | 'dead' | 'oldest', string>[] }>(
        depth,
      );
      const [row] = rows;
      return {
        ...{ queued: Number(row?.queued ?? 0), dead: Number(row?.dead ?? 0) },
        oldestSeconds: Number(row?.oldest ?? 0),
      };
    },
    async openFor(channels) {
      const { rows } = await knex.raw<{
        rows: { tenant_id: string; channel: string; alert: AlertNotification }[];
      }>(openFor, {
        tenants: channels.map(({ tenantId }) => tenantId),
        names: channels.map(({ name }) => name),
      });
      return rows.map(({ tenant_id: tenantId, ...row }) => ({ tenantId, ...row }));
    },
  };
}

interface Finish {
  message: ClaimedMessage;
  worker: string;
  verdict: Verdict;
  attempt: Attempt | undefined;
}

async function finishIn(trx: Knex.Transaction, { message, worker, verdict, attempt }: Finish) {
  const { status } = verdict;
  const isQueued = status === 'queued';
  await trx.raw(notForLong);
  await trx.raw(finish, {
    ...{ ids: message.deliveries.map(({ id }) => id), worker, status },
    reason: status === 'dead' ? verdict.reason : null,
    delayMs: isQueued ? verdict.delayMs : 0,
    consumed: isQueued && !verdict.consumes ? 1 : 0,
  });
  if (!attempt) return;
  await trx('delivery_attempts').insert({
    ...{ tenant_id: message.tenantId, message_id: message.id, channel: message.channel },
    attempt: Math.max(...message.deliveries.map(({ attempts }) => attempts)),
    started_at: toDate(attempt.startedAtMs),
    ...{ duration_ms: attempt.durationMs, alerts: message.deliveries.length },
    ...{ outcome: attempt.outcome, status: attempt.status ?? null },
    answer: attempt.answer ?? null,
  });
}

function toMessages(rows: readonly ClaimedRow[]): ClaimedMessage[] {
  const messages = new Map<string, ClaimedMessage & { deliveries: ClaimedDelivery[] }>();
  for (const row of rows) {
    const known = messages.get(row.message_id) ?? {
      ...{ id: row.message_id, tenantId: row.tenant_id, channel: row.channel },
      ...{ groupKey: row.group_key, ruleKey: row.rule_key, deliveries: [] },
    };
    messages.set(row.message_id, known);
    known.deliveries.push({
      ...{ id: row.id, incidentId: row.incident_id, kind: row.kind, alert: row.alert },
      ...{ createdAtMs: Number(row.created_ms), attempts: row.attempts },
    });
  }
  return [...messages.values()];
}

type ClaimedDelivery = ClaimedMessage['deliveries'][number];

async function facts(knex: Knex, { tenantId, deliveries }: ClaimedMessage) {
  const [clock, acknowledged, silences] = await Promise.all([
    knex.raw<{ rows: { now_ms: string }[] }>(`SELECT ${nowMs} AS now_ms`),
    knex.raw<{ rows: { id: string }[] }>(
      `SELECT id FROM incidents WHERE tenant_id = :tenantId AND id = ANY(:ids) AND ack_at_ms IS NOT NULL
         AND (ack_until_ms IS NULL OR ack_until_ms > ${nowMs})`,
      { tenantId, ids: deliveries.map(({ incidentId }) => incidentId) },
    ),
    knex('silences')
      .where({ tenant_id: tenantId })
      .whereRaw(`ends_at_ms > ${nowMs} AND starts_at_ms <= ${nowMs}`) as Promise<SilenceRow[]>,
  ]);
  return {
    nowMs: Number(clock.rows[0]?.now_ms),
    acknowledged: new Set(acknowledged.rows.map(({ id }) => id)),
    silences: silences.map(toSilence),
  };
}

const nowMs = 'floor(extract(epoch FROM clock_timestamp()) * 1000)';

/** Of workers that are gone. They may have sent: the message keeps its id, by which receivers know a repeat. */
const requeueLost = `
  UPDATE deliveries SET status = 'queued', locked_by = NULL, locked_until = NULL
  WHERE id IN (
    SELECT id FROM deliveries WHERE status = 'sending' AND locked_until < clock_timestamp() FOR UPDATE SKIP LOCKED)`;

/**
 * Several messages about one alert to one channel, none of them tried yet: the last one says it all. If it says that
 * the alert is over, and the channel heard last that it was (or never heard of it), there is nothing to say.
 */
const collapse = `
  WITH several AS (
    SELECT incident_id, channel, max(seq) AS last FROM deliveries
    WHERE status IN ('queued', 'sending')
    GROUP BY incident_id, channel
    HAVING count(*) > 1 AND bool_and(status = 'queued' AND attempts = 0 AND message_id IS NULL)
  ), judged AS (
    SELECT s.*, final.kind = 'resolved' AND coalesce(told.kind, 'resolved') = 'resolved' AS is_nothing
    FROM several s
    JOIN deliveries final ON final.incident_id = s.incident_id AND final.channel = s.channel AND final.seq = s.last
    LEFT JOIN LATERAL (
      SELECT kind FROM deliveries d
      WHERE d.incident_id = s.incident_id AND d.channel = s.channel AND d.status = 'sent'
      ORDER BY seq DESC LIMIT 1
    ) told ON true
  )
  UPDATE deliveries d SET status = 'dropped', finished_at = clock_timestamp(),
    reason = CASE WHEN j.is_nothing THEN 'resolved-before-sent' ELSE 'superseded' END
  FROM judged j
  WHERE d.incident_id = j.incident_id AND d.channel = j.channel AND d.status = 'queued'
    AND (j.is_nothing OR d.seq < j.last)
  RETURNING d.reason`;

/** Of one channel at most this many messages at once: others wait for it as little as can be. */
const perChannel = 4;

/**
 * Of each alert and channel the first message that is not finished; by rule, unless they were one message before.
 * What was tried before goes alone, as the same message.
 */
const claim = `
  WITH heads AS MATERIALIZED (
    SELECT d.id, d.tenant_id, d.channel, d.group_key, d.rule_key, d.message_id,
      d.message_id IS NOT NULL OR d.alert->>'severity' = 'critical'
        OR d.created_at <= clock_timestamp() - :groupWaitMs * interval '1 millisecond' AS is_ready
    FROM deliveries d
    WHERE d.status = 'queued' AND d.next_at <= clock_timestamp()
      AND EXISTS (SELECT FROM tenants t WHERE t.id = d.tenant_id AND t.status = 'active')
      AND NOT (d.tenant_id || ' ' || d.channel = ANY(:busy))
      AND NOT EXISTS (
        SELECT 1 FROM deliveries e WHERE e.incident_id = d.incident_id AND e.channel = d.channel
          AND e.seq < d.seq AND e.status IN ('queued', 'sending'))
  ), messages AS (
    SELECT tenant_id, channel, group_key, rule_key, message_id, min(id) AS oldest,
      row_number() OVER (PARTITION BY tenant_id, channel ORDER BY min(id)) AS place
    FROM heads
    GROUP BY tenant_id, channel, group_key, rule_key, message_id
    HAVING bool_or(is_ready)
  ), chosen AS MATERIALIZED (
    SELECT *, coalesce(message_id, gen_random_uuid()) AS new_id FROM messages
    WHERE place <= ${perChannel} ORDER BY oldest LIMIT :maxMessages
  ), wanted AS (
    SELECT c.new_id, h.id FROM chosen c
    CROSS JOIN LATERAL (
      SELECT h.id FROM heads h
      WHERE h.tenant_id = c.tenant_id AND h.channel = c.channel AND h.group_key = c.group_key
        AND h.rule_key = c.rule_key AND h.message_id IS NOT DISTINCT FROM c.message_id
      ORDER BY h.id LIMIT :maxAlerts
    ) h
  ), locked AS (
    SELECT d.id, w.new_id FROM deliveries d JOIN wanted w ON w.id = d.id
    WHERE d.status = 'queued' FOR UPDATE OF d SKIP LOCKED
  )
  UPDATE deliveries d SET status = 'sending', attempts = d.attempts + 1, message_id = l.new_id,
    locked_by = :worker, locked_until = clock_timestamp() + :lockMs * interval '1 millisecond'
  FROM locked l WHERE d.id = l.id
  RETURNING d.id, d.tenant_id, d.incident_id, d.channel, d.kind, d.group_key, d.rule_key, d.alert, d.attempts,
    d.message_id, floor(extract(epoch FROM d.created_at) * 1000) AS created_ms`;

/** With a silence the ruler is to tell later: unless one channel was told already. */
const drop = `
  WITH dropped AS (
    UPDATE deliveries SET status = 'dropped', reason = :reason, finished_at = clock_timestamp(), locked_by = NULL,
      locked_until = NULL
    WHERE id = ANY(:ids) AND status = 'sending' AND locked_by = :worker
    RETURNING incident_id, seq, kind
  )
  UPDATE incidents i SET told = 'nothing'
  FROM (SELECT DISTINCT incident_id, seq FROM dropped WHERE kind IN ('firing', 'refired')) d
  WHERE :reason = 'silenced' AND i.id = d.incident_id AND i.told = 'firing' AND i.closed_at_ms IS NULL
    AND NOT EXISTS (
      SELECT 1 FROM deliveries s
      WHERE s.incident_id = d.incident_id AND s.seq = d.seq AND s.status IN ('sent', 'sending')
        AND s.id <> ALL(:ids))`;

const finish = `
  UPDATE deliveries SET status = :status, reason = :reason, locked_by = NULL, locked_until = NULL,
    attempts = attempts - :consumed,
    next_at = CASE WHEN :status = 'queued'
      THEN clock_timestamp() + :delayMs * interval '1 millisecond' ELSE next_at END,
    finished_at = CASE WHEN :status = 'queued' THEN NULL ELSE clock_timestamp() END
  WHERE id = ANY(:ids) AND status = 'sending' AND locked_by = :worker`;

const depth = `
  SELECT count(*) FILTER (WHERE status IN ('queued', 'sending')) AS queued,
    count(*) FILTER (WHERE status = 'dead') AS dead,
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE status IN ('queued', 'sending'))), 0)
      AS oldest
  FROM deliveries WHERE status IN ('queued', 'sending', 'dead')`;

/** Only what the channel was told: a message that still waits comes first. */
const openFor = `
  WITH named AS (SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:names AS text[])) AS n (tenant_id, name))
  SELECT i.tenant_id, d.channel, d.alert FROM incidents i
  JOIN LATERAL (
    SELECT DISTINCT ON (d.channel) d.channel, d.alert, d.kind FROM deliveries d
    WHERE d.incident_id = i.id AND d.status = 'sent'
      AND (d.channel LIKE 'alertmanager:%' OR EXISTS (
        SELECT 1 FROM named n WHERE n.tenant_id = i.tenant_id AND n.name = d.channel))
    ORDER BY d.channel, d.seq DESC
  ) d ON d.kind <> 'resolved'
  WHERE i.closed_at_ms IS NULL AND i.told = 'firing'`;
