import type { Knex } from 'knex';

/** The numbers by which VictoriaMetrics clusters tell tenants apart, from 1: 0 is where everybody writes who says none. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('storage_accounts', (table) => {
    // No reference to the tenant: late samples of one that was deleted are looked for in its account.
    table.text('tenant_id').primary();
    table.specificType('account_id', 'integer GENERATED ALWAYS AS IDENTITY').notNullable().unique();
    table.timestamp('created_at').notNullable().defaultTo(knex.fn.now());
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('storage_accounts');
}
