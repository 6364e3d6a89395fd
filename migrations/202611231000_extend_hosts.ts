import type { Knex } from 'knex';

/** What a person said about a host and its agent must not take back, and what its lists are found by. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('hosts', (table) => {
    table.specificType('pinned', 'text[]').notNullable().defaultTo('{}');
    table.index(['tenant_id', 'hostname', 'id'], 'hosts_in_order');
  });
  await knex.raw('CREATE INDEX hosts_by_tag ON hosts USING gin (tags jsonb_path_ops)');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP INDEX hosts_by_tag');
  await knex.schema.alterTable('hosts', (table) => {
    table.dropIndex(['tenant_id', 'hostname', 'id'], 'hosts_in_order');
    table.dropColumn('pinned');
  });
}
