import type { Knex } from 'knex';
import type { AlertNotification, NotificationKind } from '../../alerts/index.ts';
import type { ClaimedBatch, Outbox } from '../../notify/index.ts';

interface ClaimedRow {
  id: string;
  tenant_id: string;
  incident_id: string;
  fingerprint: string;
  channel: string;
  kind: NotificationKind;
  rule_key: string;
  alert: AlertNotification;
  attempts: number;
  message_id: string;
}

/** Most alerts of one message. */
const mostRows = 1_000;
/** A worker that said nothing for this long is dead, and its messages are sent by another. */
const lockSeconds = 60;

/** The outbox (field/alerting.md 6.3): claimed with SKIP LOCKED, sent outside a transaction, then marked. */
export function createOutbox(knex: Knex, holder: string): Outbox {
  return {
    claim: () =>
      knex.transaction(async (trx) => {
        await trx.raw(dropNeedless);
        const { rows } = await trx.raw<{ rows: ClaimedRow[] }>(claimNext, {
          ...{ holder, mostRows, lockSeconds },
        });
        return toBatch(rows);
      }),
    finish: (batch, { startedAtMs, durationMs, outcome }, next) =>
      knex.transaction(async (trx) => {
        const isAgain = next.retryInMs !== undefined;
        const status = outcome.kind === 'sent' ? 'sent' : isAgain ? 'queued' : 'dead';
        await trx.raw(
          `INSERT INTO delivery_attempts
             (tenant_id, message_id, channel, attempt, started_at, duration_ms, alerts, outcome, status, answer)
           VALUES (:tenantId, :messageId, :channel, :attempt, to_timestamp(:startedAtMs / 1000.0), :durationMs, :alerts,
             :outcome, :status, :answer)`,
          {
            ...{ tenantId: batch.tenantId, messageId: batch.messageId, channel: batch.channel },
            ...{ attempt: batch.attempt, startedAtMs, durationMs, alerts: batch.alerts.length },
            outcome: status === 'queued' ? 'retry' : status,
            ...{ status: outcome.status ?? null, answer: clean(outcome.answer) },
          },
        );
        await trx.raw(
          `UPDATE deliveries SET status = :status, reason = :reason, locked_by = NULL, locked_until = NULL,
             attempts = attempts - :free,
             next_at = clock_timestamp() + :retryInMs * interval '1 millisecond',
             finished_at = CASE WHEN :isAgain THEN NULL ELSE clock_timestamp() END
           WHERE message_id = :messageId AND status = 'sending' AND locked_by = :holder`,
          {
            ...{ status, reason: next.reason ?? null, free: next.isFree ? 1 : 0 },
            ...{ retryInMs: next.retryInMs ?? 0, isAgain, messageId: batch.messageId, holder },
          },
        );
      }),
    async depth() {
      const { rows } = await knex.raw<{ rows: Record<'queued' | 'oldest' | 'dead', string>[] }>(
        `SELECT count(*) FILTER (WHERE status IN ('queued', 'sending')) AS queued,
           coalesce(max(extract(epoch FROM clock_timestamp() - created_at))
             FILTER (WHERE status IN ('queued', 'sending')), 0) AS oldest,
           count(*) FILTER (WHERE status = 'dead') AS dead
         FROM deliveries
         WHERE status IN ('queued', 'sending')
           OR (status = 'dead' AND finished_at > clock_timestamp() - interval '1 day')`,
      );
      const [row] = rows;
      return {
        queued: Number(row?.queued ?? 0),
        oldestSeconds: Number(row?.oldest ?? 0),
        dead: Number(row?.dead ?? 0),
      };
    },
  };
}

/** Postgres takes no zero bytes in texts. */
const clean = (text: string | undefined): string | null => text?.replaceAll('\0', '') ?? null;

function toBatch(rows: readonly ClaimedRow[]): ClaimedBatch | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const sorted = [...rows].sort((a, b) => Number(a.id) - Number(b.id));
  return {
    ...{ messageId: first.message_id, tenantId: first.tenant_id, channel: first.channel },
    ...{ ruleKey: first.rule_key, attempt: first.attempts },
    alerts: sorted.map(({ alert, kind, incident_id: incidentId, fingerprint }) => ({
      ...{ ...alert, kind, incidentId, fingerprint },
    })),
  };
}

/** Nobody hears of what ended before it could be told, nor of what a person has taken over since. */
const dropNeedless = `
  WITH needless AS (
    SELECT d.id, CASE WHEN i.ack_at_ms IS NOT NULL AND i.closed_at_ms IS NULL THEN 'acknowledged'
                      ELSE 'resolved-before-sent' END AS reason
    FROM deliveries d JOIN incidents i ON i.id = d.incident_id
    WHERE d.status = 'queued' AND d.attempts = 0 AND d.next_at <= clock_timestamp() AND (
      (d.kind IN ('refired', 'repeat') AND i.ack_at_ms IS NOT NULL AND i.closed_at_ms IS NULL)
      OR (d.kind = 'firing' AND EXISTS (
        SELECT FROM deliveries r WHERE r.incident_id = d.incident_id AND r.channel = d.channel
          AND r.kind = 'resolved' AND r.status = 'queued' AND r.seq > d.seq))
      OR (d.kind = 'resolved' AND EXISTS (
        SELECT FROM deliveries f WHERE f.incident_id = d.incident_id AND f.channel = d.channel
          AND f.kind = 'firing' AND f.status = 'queued' AND f.attempts = 0 AND f.seq < d.seq)))
    FOR UPDATE OF d SKIP LOCKED)
  UPDATE deliveries SET status = 'dropped', reason = needless.reason, finished_at = clock_timestamp()
  FROM needless WHERE deliveries.id = needless.id`;

/**
 * The oldest row that is due and has no unfinished one before it, with all that goes into the same message: at a
 * further try exactly the rows of the first, else what is due of the same rule and channel.
 */
const claimNext = `
  WITH due AS (
    SELECT d.* FROM deliveries d
    WHERE ((d.status = 'queued' AND d.next_at <= clock_timestamp())
        OR (d.status = 'sending' AND d.locked_until < clock_timestamp()))
      AND NOT EXISTS (
        SELECT FROM deliveries e WHERE e.incident_id = d.incident_id AND e.channel = d.channel
          AND e.seq < d.seq AND e.status IN ('queued', 'sending'))),
  first AS (
    SELECT d.tenant_id, d.channel, d.group_key, d.rule_key, d.message_id
    FROM deliveries d WHERE d.id = (SELECT id FROM due ORDER BY next_at, id LIMIT 1)
    FOR UPDATE SKIP LOCKED),
  batch AS (
    SELECT d.id, coalesce(first.message_id, m.id) AS message_id
    FROM first CROSS JOIN (SELECT gen_random_uuid() AS id) AS m
    JOIN deliveries d ON d.tenant_id = first.tenant_id AND d.channel = first.channel
      AND d.group_key = first.group_key AND d.rule_key = first.rule_key
      AND d.message_id IS NOT DISTINCT FROM first.message_id
    WHERE d.id IN (SELECT id FROM due)
    ORDER BY d.id LIMIT :mostRows FOR UPDATE OF d SKIP LOCKED)
  UPDATE deliveries SET status = 'sending', attempts = attempts + 1, message_id = batch.message_id,
    locked_by = :holder, locked_until = clock_timestamp() + :lockSeconds * interval '1 second'
  FROM batch, incidents i
  WHERE deliveries.id = batch.id AND i.id = deliveries.incident_id
  RETURNING deliveries.*, i.fingerprint`;
