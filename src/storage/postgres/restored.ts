import type { Postgres } from './connect.ts';

/** Above every version that agents may have heard after the backup was made. */
const versionsAhead = 1_000_000;

/** The server's major version, and whether its database has no table yet. */
export async function describeDatabase({
  knex,
}: Postgres): Promise<{ major: number; isEmpty: boolean }> {
  const { rows } = await knex.raw<{ rows: { version: string; tables: string }[] }>(
    `select current_setting('server_version_num') as version,
       (select count(*) from pg_tables where schemaname = 'public') as tables`,
  );
  const { version = '0', tables = '0' } = rows[0] ?? {};
  return { major: Math.floor(Number(version) / 10_000), isEmpty: Number(tables) === 0 };
}

/** What a dump says of the server that it came from, and is not so in the one that it went into. */
export async function settleRestored({ knex }: Postgres): Promise<void> {
  await knex.transaction(async (trx) => {
    // Transactions are numbered anew: those from before would count as not begun yet, and their events as not to be told.
    await trx.raw('update incident_events set xid = pg_current_xact_id()');
    await trx.raw(
      `select setval('agent_config_version', (select last_value from agent_config_version) + ?)`,
      [versionsAhead],
    );
    // Nobody of before holds anything.
    await trx.raw('update leases set expires_at = clock_timestamp()');
  });
}
