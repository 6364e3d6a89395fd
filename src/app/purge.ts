import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Config } from '../platform/index.ts';
import {
  createFilePurge,
  createPurgedCounter,
  createRowPurge,
  type PurgedFiles,
  type RowKind,
} from '../purge/index.ts';
import { createLeases, createPurgeStore, type Postgres } from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';

/** A holder that ends is followed at the next turn. */
const leaseFactor = 1.5;
const filesEveryMs = 10 * 60_000;
const dayMs = 86_400_000;

/** Rows by one worker of all replicas; files by every process that makes some, since they may be on its own disk. */
export function startPurge(foundation: Foundation, { knex }: Postgres, files: PurgedFiles): void {
  const { lifecycle, loaded, meters, roles } = foundation;
  const { audit, reports, dataDir } = loaded.config;
  const purged = createPurgedCounter(meters);
  const log = foundation.log.child('purge');
  const clock = systemClock;
  if (roles.has('api') || roles.has('worker')) {
    const filePurge = createFilePurge({
      ...{ files, clock, purged, log, everyMs: filesEveryMs },
      workDir: join(dataDir, 'exports', 'work'),
      ...{ keepExportsMs: reports.keepFiles, keepReportsMs: reports.keepReports },
      maxBytes: reports.maxBytes,
    });
    filePurge.start();
    lifecycle.onStop('file purge', () => filePurge.stop());
  }
  if (!roles.has('worker')) return;
  const everyMs = audit.purgeInterval;
  const leases = createLeases(knex, `${hostname()}:${process.pid}:${randomUUID()}`);
  const rowPurge = createRowPurge({
    store: createPurgeStore(knex),
    isMine: async () => (await leases.acquire('purge', everyMs * leaseFactor)) !== undefined,
    ...{ keptMs: keptMs(loaded.config), everyMs, clock, purged, log },
  });
  rowPurge.start();
  lifecycle.onStop('row purge', () => rowPurge.stop());
}

function keptMs({ audit, reports, purge }: Config): Record<RowKind, number> {
  const { alerts, ended, usage } = purge;
  return {
    audit: audit.retention,
    // Told apart from one that never was for as long as its last access token might be sent.
    ...{ session: dayMs, refresh_token: dayMs, password_reset: 0 },
    ...{ alert: alerts, repeated_message: alerts, message_attempt: alerts },
    ...{ api_key: ended, agent_token: ended, refusal: ended, ha_leader: ended },
    // Their files are gone by then.
    report_run: reports.keepReports,
    // A sign of life from before the removal is held for seconds.
    ...{ removed_host: dayMs, ruler: dayMs },
    usage_hour: usage,
  };
}
