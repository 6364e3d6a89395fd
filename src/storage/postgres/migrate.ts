import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Knex } from 'knex';
import { GaugewayError } from '../../platform/index.ts';
import { alone } from './alone.ts';
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
/** Brings the schema up to date; of several processes at once one does and the others wait. Names what it applied. */
export function migrateUp({ knex }: Postgres, options: MigrateOptions): Promise<string[]> {
  return alone(knex, async () => {
    await knex.migrate.forceFreeMigrationsLock({ tableName });
    const [, applied] = (await knex.migrate.latest(configFor(options))) as [number, string[]];
    return applied;
  });
}

/** Takes everything back, for tests of `down`. */
export function migrateDown({ knex }: Postgres, options: MigrateOptions): Promise<string[]> {
  return alone(knex, async () => {
    await knex.migrate.forceFreeMigrationsLock({ tableName });
    const [, undone] = (await knex.migrate.rollback(configFor(options), true)) as [
      number,
      string[],
    ];
    return undone;
  });
}

export interface MigrationState {
  /** In the order in which they were applied. */
  applied: string[];
  pending: string[];
}

/** Reads only: a database that was never migrated stays as it is. */
export async function migrationState(
  { knex }: Postgres,
  options: MigrateOptions,
): Promise<MigrationState> {
  const { rows } = await knex.raw<{ rows: { isThere: boolean }[] }>(
    `select to_regclass('${tableName}') is not null as "isThere"`,
  );
  if (!rows[0]?.isThere) {
    const all = await migrationsIn(options.directory);
    return { applied: [], pending: all.map(({ name }) => name) };
  }
  const [applied, pending] = (await knex.migrate.list(configFor(options))) as [
    { name: string }[],
    Migration[],
  ];
  return {
    applied: applied.map(({ name }) => name),
    pending: pending.map(({ name }) => name),
  };
}

/** All that this program knows, the first one first. */
export async function migrationNames({ directory }: MigrateOptions): Promise<string[]> {
  return (await migrationsIn(directory)).map(({ name }) => name);
}

export interface Migrated {
  applied: string[];
  undone: string[];
}

/**
 * Applies or takes back until the named one is the last that is applied. NOT_FOUND for a name that is in no file and in
 * no row.
 */
export function migrateTo(
  postgres: Postgres,
  options: MigrateOptions & { last: string },
): Promise<Migrated> {
  const { knex } = postgres;
  const config = configFor(options);
  return alone(knex, async () => {
    await knex.migrate.forceFreeMigrationsLock({ tableName });
    const { applied, pending } = await migrationState(postgres, options);
    const done: Migrated = { applied: [], undone: [] };
    const ahead = pending.indexOf(options.last);
    const behind = applied.indexOf(options.last);
    if (ahead < 0 && behind < 0) {
      throw new GaugewayError('NOT_FOUND', `there is no migration ${options.last}`);
    }
    for (const name of pending.slice(0, ahead + 1)) {
      await knex.migrate.up({ ...config, name });
      done.applied.push(name);
    }
    const over = behind < 0 ? [] : applied.slice(behind + 1).reverse();
    for (const name of over) {
      await knex.migrate.down({ ...config, name });
      done.undone.push(name);
    }
    return done;
  });
}

const tableName = 'migrations';

async function migrationsIn(directory: string): Promise<Migration[]> {
  const files = (await readdir(directory)).sort();
  return files.flatMap((file) => {
    const name = migrationPattern.exec(file)?.[1];
    return name === undefined ? [] : [{ name, file: join(directory, file) }];
  });
}

function configFor({ directory }: MigrateOptions): Knex.MigratorConfig {
  const migrationSource: Knex.MigrationSource<Migration> = {
    getMigrations: () => migrationsIn(directory),
    getMigrationName: ({ name }) => name,
    getMigration: async ({ file }) =>
      (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Knex.Migration,
  };
  return { migrationSource, tableName };
}
