import type { Knex } from 'knex';
import { GaugewayError, sleep } from '../../platform/index.ts';

/** The lock of this product's migrations; any fixed number does. */
const lockId = 7_031_118_001;
const lockPollMs = 100;
const lockPatienceMs = 60_000;

/**
 * Changes of the schema, one process at a time. The advisory lock ends with its connection, so a process killed half-way
 * blocks nobody; knex's own lock row would stay, and is freed under this one.
 */
export function alone<T>(knex: Knex, work: () => Promise<T>): Promise<T> {
  return knex.transaction(async (lock) => {
    await waitForLock(lock);
    return work();
  });
}

async function waitForLock(lock: Knex.Transaction): Promise<void> {
  const until = performance.now() + lockPatienceMs;
  for (;;) {
    const { rows } = await lock.raw<{ rows: { taken: boolean }[] }>(
      'select pg_try_advisory_xact_lock(?) as taken',
      [lockId],
    );
    if (rows[0]?.taken) return;
    if (performance.now() > until) {
      throw new GaugewayError('UNAVAILABLE', 'another process has been migrating for a minute');
    }
    await sleep(lockPollMs);
  }
}
