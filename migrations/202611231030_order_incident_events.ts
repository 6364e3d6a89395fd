import type { Knex } from 'knex';

/**
 * Ids are given before their transactions commit, so that a reader who goes by them misses what commits late. By the
 * transaction, and only those that no running one can precede, nothing is missed (field/alerting.md; Postgres docs,
 * "pg_current_snapshot").
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE incident_events
      ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()`);
  await knex.raw('CREATE INDEX incident_events_in_order ON incident_events (tenant_id, xid, id)');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP INDEX incident_events_in_order');
  await knex.raw('ALTER TABLE incident_events DROP COLUMN xid');
}
