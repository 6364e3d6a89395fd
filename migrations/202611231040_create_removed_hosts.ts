import type { Knex } from 'knex';

/** Hosts that were removed lately: a sign of life from before, which some gateway still holds, must not make them anew. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('removed_hosts', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('host_id').notNullable();
    table.timestamp('removed_at').notNullable();
    table.primary(['tenant_id', 'host_id']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('removed_hosts');
}
