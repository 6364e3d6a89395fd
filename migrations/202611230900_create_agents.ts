import type { Knex } from 'knex';

/** Enrolment, what each agent is, and the configuration that is pushed to it. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('agent_tokens', (table) => {
    table.uuid('id').primary();
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('name').notNullable();
    table.text('prefix').notNullable().unique();
    table.binary('token_hash').notNullable();
    table.jsonb('tags').notNullable();
    table.text('host_id');
    table.integer('max_uses').notNullable();
    table.integer('uses').notNullable().defaultTo(0);
    table.timestamp('created_at').notNullable();
    table.timestamp('expires_at').notNullable();
    table.timestamp('revoked_at');
    table.index(['tenant_id', 'created_at']);
    table.check('uses <= max_uses', [], 'agent_tokens_uses');
  });
  await knex.schema.createTable('agents', (table) => {
    table.text('tenant_id').notNullable();
    table.text('host_id').notNullable();
    table.text('machine');
    table.uuid('token_id');
    table.text('os');
    table.text('arch');
    table.timestamp('enrolled_at');
    table.text('boot_id');
    table.text('former_boot_id');
    table.timestamp('beat_at');
    table.text('clone_boot_id');
    table.timestamp('clone_seen_at');
    table.uuid('key_id');
    table.uuid('next_key_id');
    table.timestamp('next_key_at');
    table.timestamp('rotate_wanted_at');
    table.primary(['tenant_id', 'host_id']);
    table.unique(['tenant_id', 'machine']);
    table
      .foreign(['tenant_id', 'host_id'])
      .references(['tenant_id', 'id'])
      .inTable('hosts')
      .onDelete('CASCADE');
  });
  await knex.schema.createTable('agent_defaults', (table) => {
    table.text('tenant_id').primary().references('tenants.id').onDelete('CASCADE');
    table.jsonb('settings').notNullable();
    table.bigInteger('version').notNullable();
  });
  await knex.schema.createTable('agent_overrides', (table) => {
    table.text('tenant_id').notNullable();
    table.text('host_id').notNullable();
    table.jsonb('settings').notNullable();
    table.bigInteger('version').notNullable();
    table.primary(['tenant_id', 'host_id']);
    table
      .foreign(['tenant_id', 'host_id'])
      .references(['tenant_id', 'id'])
      .inTable('hosts')
      .onDelete('CASCADE');
  });
  // One sequence for all: a version that was given once never means something else.
  await knex.raw('CREATE SEQUENCE agent_config_version');
  for (const table of ['agent_defaults', 'agent_overrides']) {
    await knex.raw(`
      CREATE TRIGGER ${table}_change AFTER INSERT OR UPDATE OR DELETE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION note_change('agents', 'tenant_id')`);
  }
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('agent_overrides');
  await knex.schema.dropTable('agent_defaults');
  await knex.schema.dropTable('agents');
  await knex.schema.dropTable('agent_tokens');
  await knex.raw('DROP SEQUENCE agent_config_version');
}
