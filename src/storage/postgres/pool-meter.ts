import type { Knex } from 'knex';
import type { Meters } from '../../platform/index.ts';

/** What tarn, knex's pool, says of itself; knex's types leave it out. */
interface Pool {
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
}

/** How full the pool of connections is, and who waits for one. */
export function observePool(knex: Knex, size: number, meters: Meters): void {
  const { pool } = knex.client as { pool: Pool };
  meters
    .gauge({ name: 'gaugeway_postgres_pool_size', help: 'Connections that the pool may have.' })
    .set(size);
  const connections = meters.gauge({
    name: 'gaugeway_postgres_pool_connections',
    help: 'Connections to Postgres, by what they do.',
    labelNames: ['state'],
    collect() {
      connections.set({ state: 'used' }, pool.numUsed());
      connections.set({ state: 'idle' }, pool.numFree());
    },
  });
  const waiting = meters.gauge({
    name: 'gaugeway_postgres_pool_waiting',
    help: 'Statements that wait for a connection.',
    collect: () => waiting.set(pool.numPendingAcquires()),
  });
}
