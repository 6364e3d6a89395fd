import type { Knex } from 'knex';

/** The inventory, and what each host's agent last said about itself. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('hosts', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('id').notNullable();
    table.text('hostname').notNullable();
    table.specificType('ips', 'text[]').notNullable().defaultTo('{}');
    table.jsonb('tags').notNullable().defaultTo('{}');
    table.boolean('has_gpu').notNullable().defaultTo(false);
    table.text('agent_version');
    table.timestamp('created_at').notNullable();
    table.timestamp('last_seen_at');
    table.primary(['tenant_id', 'id']);
  });
  await knex.schema.createTable('agent_status', (table) => {
    table.text('tenant_id').notNullable();
    table.text('host_id').notNullable();
    table.jsonb('reported').notNullable();
    table.timestamp('received_at').notNullable();
    table.primary(['tenant_id', 'host_id']);
    table
      .foreign(['tenant_id', 'host_id'])
      .references(['tenant_id', 'id'])
      .inTable('hosts')
      .onDelete('CASCADE');
  });
  await knex.raw(`
    CREATE TRIGGER hosts_change AFTER INSERT OR UPDATE OF tags OR DELETE ON hosts
    FOR EACH ROW EXECUTE FUNCTION note_change('hosts', 'tenant_id')`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('agent_status');
  await knex.schema.dropTable('hosts');
}
