import { randomUUID } from 'node:crypto';
import {
  createAckLinks,
  createChannels,
  createPost,
  createSender,
  createWorker,
} from '../../src/notify/index.ts';
import { createMeters, silentLogger, systemClock, type Meters } from '../../src/platform/index.ts';
import {
  createChangeFeed,
  createChannelStore,
  createOutboxStore,
  type Postgres,
} from '../../src/storage/postgres/index.ts';
import type { Stage } from './stage.ts';

export const linkKey = Buffer.alloc(32, 3);

export interface Queued {
  incidentId?: string;
  channel: string;
  kind?: 'firing' | 'refired' | 'repeat' | 'resolved';
  seq?: number;
  rule?: string;
  host?: string;
  severity?: string;
}

/** Adds incidents and rows of the outbox, as the ruler does. */
export async function queue(postgres: Postgres, rows: readonly Queued[]): Promise<string[]> {
  const wanted = rows.map((row) => ({ ...row, incidentId: row.incidentId ?? randomUUID() }));
  const json = wanted.map(({ incidentId, channel, kind = 'firing', seq = 1, ...row }) => {
    const { rule = 'hot', host = 'web-1', severity = 'critical' } = row;
    const labels = { alertname: rule, host_id: host, severity };
    return {
      ...{ incident_id: incidentId, channel, kind, seq, rule, host, labels },
      key: `${incidentId}:${channel}:${seq}`,
      alert: {
        ...{ ruleName: rule, labels, annotations: { summary: `${host} is hot` }, value: 97.5 },
        ...{ severity, hostId: host, startsAtMs: 1_700_000_000_000, flaps: 0 },
        ...(kind === 'resolved' ? { endsAtMs: 1_700_000_090_000 } : {}),
      },
    };
  });
  const values = JSON.stringify(json);
  await postgres.knex.raw(
    `INSERT INTO incidents (id, tenant_id, group_key, rule_key, rule_name, fingerprint, label_key, host_id, labels,
       annotations, value, opened_at_ms, told)
     SELECT DISTINCT ON (incident_id) incident_id, 'default', 'g', rule, rule, incident_id, 'k', host, labels, '{}', 97.5,
       1700000000000, 'firing'
     FROM jsonb_to_recordset(:values) AS r (incident_id uuid, rule text, host text, labels jsonb)
     ON CONFLICT (id) DO NOTHING`,
    { values },
  );
  await postgres.knex.raw(
    `INSERT INTO deliveries (tenant_id, incident_id, channel, kind, seq, idempotency_key, group_key, rule_key, alert, status)
     SELECT 'default', incident_id, channel, kind, seq, key, 'g', rule, alert, 'queued'
     FROM jsonb_to_recordset(:values) AS r (incident_id uuid, channel text, kind text, seq int, key text, rule text, alert jsonb)`,
    { values },
  );
  return wanted.map(({ incidentId }) => incidentId);
}

interface WorkerOptions {
  smtpUrl?: string;
  attempts?: number;
  backoffMs?: number;
  groupWaitMs?: number;
  timeoutMs?: number;
  allowPrivate?: boolean;
  publicUrl?: string;
}

/** A worker as one process has it, on the database's real outbox. */
export async function startWorker(
  stage: Stage,
  postgres: Postgres,
  options: WorkerOptions = {},
): Promise<{ meters: Meters; stop: () => Promise<void> }> {
  const { attempts = 3, backoffMs = 20, groupWaitMs = 0, timeoutMs = 1_000 } = options;
  const clock = systemClock;
  const log = silentLogger;
  const meters = createMeters();
  const { knex } = postgres;
  const changes = createChangeFeed({ knex, clock, log, intervalMs: 50 });
  const channels = createChannels({ store: createChannelStore(knex), changes, clock, log });
  await channels.start();
  const sender = createSender({
    post: createPost({
      ...{ allowPrivate: options.allowPrivate ?? true, timeoutMs, userAgent: 'Gaugeway/test' },
    }),
    smtp:
      options.smtpUrl === undefined
        ? undefined
        : { url: options.smtpUrl, from: 'Gaugeway <alerts@example.com>', timeoutMs },
  });
  const worker = createWorker({
    ...{ outbox: createOutboxStore(knex), send: sender.send },
    find: (tenantId, name) => channels.find(tenantId, name),
    links: createAckLinks({ key: linkKey, clock }),
    ...{ worker: randomUUID(), clock, random: Math.random, meters, log },
    config: {
      ...{ attempts, backoffMs, groupWaitMs, pollMs: 20 },
      publicUrl: options.publicUrl ?? 'https://gaugeway.example',
    },
  });
  worker.start();
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= worker.stop().then(() => sender.close()));
  stage.onEnd(stop);
  return { meters, stop };
}
