import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createStorageAsk, type AskMeters } from '../host-metrics/index.ts';
import { reportRoutes, type Route } from '../http/index.ts';
import { createMailer } from '../notify/index.ts';
import { systemClock } from '../platform/index.ts';
import type { ReadTier } from '../query/index.ts';
import {
  createPdfRenderer,
  createReportWorker,
  createSchedules,
  type BlobStore,
  type Exports,
  type WeekSources,
} from '../reports/index.ts';
import {
  createHostStore,
  createIncidentStore,
  createReportStore,
  createRunQueue,
  type Postgres,
} from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';

/** A question of a report reads a week of many series. */
const questionTimeoutMs = 120_000;
const pageSize = 500;

interface Reading {
  blobs: BlobStore;
  tiers: readonly ReadTier[];
  askMeters: AskMeters;
}

export function reportsApi(
  { loaded }: Foundation,
  { knex }: Postgres,
  exports: Exports,
): readonly Route[] {
  const schedules = createSchedules({ store: createReportStore(knex), clock: systemClock });
  return reportRoutes({ schedules, exports, publicUrl: loaded.config.publicUrl });
}

/** For the role `worker`: makes the reports that are due. */
export function startReports(
  foundation: Foundation,
  { knex }: Postgres,
  { blobs, tiers, askMeters }: Reading,
): void {
  const { lifecycle, loaded, log, meters } = foundation;
  const { dataDir, notify, smtp } = loaded.config;
  const { smtpUrl } = loaded.secrets;
  const clock = systemClock;
  const hosts = createHostStore(knex);
  const mailer = createMailer(
    smtpUrl === undefined
      ? undefined
      : { url: smtpUrl, from: smtp.from, timeoutMs: notify.timeout },
  );
  const sources: WeekSources = {
    // One question at a time: ingest and dashboards go before.
    ask: createStorageAsk({
      ...{ tiers, clock, meters: askMeters, asker: 'report' },
      ...{ concurrency: 1, timeoutMs: questionTimeoutMs, isPatient: true },
    }),
    hosts: (tenantId, tags) => hosts.matching(tenantId, { tags }),
    alerts: alertsOf(createIncidentStore(knex)),
    clock,
  };
  const worker = createReportWorker({
    ...{ queue: createRunQueue(knex), sources, blobs, clock, log, meters },
    renderPdf: createPdfRenderer(foundation.pdfScript),
    sendMail: (mail) => mailer.send(mail),
    workDir: join(dataDir, 'exports', 'work'),
    holder: `${hostname()}-${process.pid}-${randomUUID()}`,
    lookMs: loaded.config.reports.lookInterval,
  });
  worker.start();
  lifecycle.onStop('reports', async () => {
    await worker.stop();
    mailer.close();
  });
}

/** Alerts that fired at some time between the two, a page at a time. */
function alertsOf(store: ReturnType<typeof createIncidentStore>): WeekSources['alerts'] {
  return async (tenantId: string, startMs: number, endMs: number) => {
    const alerts = [];
    for (let offset = 0; ; offset += pageSize) {
      const { items } = await store.list(
        tenantId,
        { sinceMs: startMs, nowMs: endMs },
        { limit: pageSize, offset },
      );
      alerts.push(
        ...items
          .filter(({ episode }) => episode.openedAtMs < endMs)
          .map(({ ruleName, severity, hostId, episode }) => ({
            ...{ rule: ruleName, severity: severity ?? '', hostId },
            openedAtMs: episode.openedAtMs,
            closedAtMs: episode.closedAtMs ?? null,
          })),
      );
      if (items.length < pageSize) return alerts;
    }
  };
}
