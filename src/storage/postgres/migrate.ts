import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Knex } from 'knex';
import { GaugewayError, sleep } from '../../platform/index.ts';
import type { Postgres } from './connect.ts';

export interface MigrateOptions {
  /** Holds `YYYYMMDDHHMM_verb_noun.js` (or `.ts` under the test runner). */
  directory: string;
}

interface Migration {
  /** Without the extension, so that sources and their build are the same migration. */
  name: string;
  file: string;
}

const migrationPattern = /^(\d{12}_[a-z0-9_]+)\.(?:js|ts)$/;
/** The lock of this product's migrations; any fixed number does. */
const lockId = 7_031_118_001;
const lockPollMs = 100;
const lockPatienceMs = 60_000;

/** Brings the schema up to date; of several processes at once one does and the others wait. Names what it applied. */
export function migrateUp({ knex }: Postgres, options: MigrateOptions): Promise<string[]> {
  return alone(knex, async () => {
    const [, applied] = (await knex.migrate.latest(configFor(options))) as [number, string[]];
    return applied;
  });
}

/** Takes everything back, for tests of `down`. */
export function migrateDown({ knex }: Postgres, options: MigrateOptions): Promise<string[]> {
  return alone(knex, async () => {
    const [, undone] = (await knex.migrate.rollback(configFor(options), true)) as [
      number,
      string[],
    ];
    return undone;
  });
}

function configFor({ directory }: MigrateOptions): Knex.MigratorConfig {
  const migrationSource: Knex.MigrationSource<Migration> = {
    async getMigrations() {
      const files = (await readdir(directory)).sort();
      return files.flatMap((file) => {
        const name = migrationPattern.exec(file)?.[1];
        return name === undefined ? [] : [{ name, file: join(directory, file) }];
      });
    },
    getMigrationName: ({ name }) => name,
    getMigration: async ({ file }) =>
      (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Knex.Migration,
  };
  return { migrationSource, tableName: 'migrations' };
}

/**
 * The advisory lock ends with its connection, so a process killed half-way blocks nobody; knex's own lock row would
 * stay, and is freed under ours.
 */
function alone<T>(knex: Knex, work: () => Promise<T>): Promise<T> {
  return knex.transaction(async (lock) => {
    await waitForLock(lock);
    await knex.migrate.forceFreeMigrationsLock({ tableName: 'migrations' });
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
