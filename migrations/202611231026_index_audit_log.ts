import type { Knex } from 'knex';

/** A tenant's newest rows by their order, what one person did, and what is older than its retention. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('audit_log', (table) => {
    table.index(['tenant_id', 'id']);
    table.index(['tenant_id', 'actor_id', 'id']);
    table.index(['at']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('audit_log', (table) => {
    table.dropIndex(['at']);
    table.dropIndex(['tenant_id', 'actor_id', 'id']);
    table.dropIndex(['tenant_id', 'id']);
  });
}
