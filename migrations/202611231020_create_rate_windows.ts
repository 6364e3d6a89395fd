import type { Knex } from 'knex';

/** Requests of the running minute, counted for all replicas; unlogged: after a crash of Postgres a minute begins anew. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE UNLOGGED TABLE rate_windows (
      key text PRIMARY KEY,
      spent integer NOT NULL,
      started_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('rate_windows');
}
