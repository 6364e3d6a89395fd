import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrateTo, type Postgres } from '../../src/storage/postgres/index.ts';
import { migrations } from './access.ts';

/** Of version 0.1.0. */
const lastMigration = '202611231040_create_removed_hosts';
const folder = join(import.meta.dirname, '../integration/upgrade');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** What that version answered with over its rows: parts that do not depend on the time. */
export const previousAnswers = JSON.parse(read('previous-release.json')) as {
  write_key: string;
  read_key: string;
  lists: Record<string, Record<string, unknown>[]>;
  answers: Record<string, Record<string, unknown>>;
};

/** Makes an empty database that of version 0.1.0, with one thing of each kind; names the tables without a row. */
export async function fillAsPrevious(postgres: Postgres, url: string): Promise<string[]> {
  await migrateTo(postgres, { directory: migrations, last: lastMigration });
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(read('previous-release.sql'));
    const { rows } = await client.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by 1",
    );
    const empty: string[] = [];
    for (const { name } of rows) {
      const found = await client.query(`select from ${name} limit 1`);
      if (found.rowCount === 0) empty.push(name);
    }
    return empty;
  } finally {
    await client.end();
  }
}
