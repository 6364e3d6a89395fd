import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createPurge } from '../access/index.ts';
import { systemClock } from '../platform/index.ts';
import { createLeases, createPurgeStore, type Postgres } from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';

/** A holder that ends is followed at the next turn. */
const leaseFactor = 1.5;

/** For the role `worker`: audit rows, sessions and tokens that were kept for long enough go. */
export function startPurge(foundation: Foundation, { knex }: Postgres): void {
  const { lifecycle, loaded, log, meters } = foundation;
  const { retention, purgeInterval: everyMs } = loaded.config.audit;
  const leases = createLeases(knex, `${hostname()}:${process.pid}:${randomUUID()}`);
  const purge = createPurge({
    store: createPurgeStore(knex),
    isMine: async () => (await leases.acquire('access-purge', everyMs * leaseFactor)) !== undefined,
    ...{ auditRetentionMs: retention, everyMs, clock: systemClock, meters },
    log: log.child('access'),
  });
  purge.start();
  lifecycle.onStop('purge', () => purge.stop());
}
