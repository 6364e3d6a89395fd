import type { Knex } from 'knex';

/** What the purge goes by in tables that are large. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at)');
  await knex.raw(
    'CREATE INDEX incidents_over ON incidents (coalesce(closed_at_ms, opened_at_ms)) WHERE NOT is_current',
  );
  await knex.raw(
    "CREATE INDEX deliveries_repeated ON deliveries (finished_at) WHERE kind = 'repeat'",
  );
  await knex.raw('CREATE INDEX delivery_attempts_by_time ON delivery_attempts (started_at)');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP INDEX delivery_attempts_by_time');
  await knex.raw('DROP INDEX deliveries_repeated');
  await knex.raw('DROP INDEX incidents_over');
  await knex.raw('DROP INDEX refresh_tokens_by_end');
}
