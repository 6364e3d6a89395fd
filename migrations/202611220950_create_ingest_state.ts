import type { Knex } from 'knex';

/** What the write path keeps beside samples: metadata, refusals, HA leaders, exemplars, whitelist overrides. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('metric_metadata', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('metric').notNullable();
    table.text('type').notNullable();
    table.text('help').notNullable();
    table.text('unit').notNullable();
    table.timestamp('updated_at').notNullable();
    table.primary(['tenant_id', 'metric']);
  });
  await knex.schema.createTable('ingest_rejections', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('reason').notNullable();
    table.text('sender').notNullable();
    // SHA-256, because a series can be longer than an index entry may be.
    table.binary('series_hash').notNullable();
    table.text('series').notNullable();
    table.bigInteger('count').notNullable();
    table.timestamp('first_at').notNullable();
    table.timestamp('last_at').notNullable();
    table.primary(['tenant_id', 'reason', 'sender', 'series_hash']);
    table.index(['tenant_id', 'last_at']);
  });
  await knex.schema.createTable('ha_leaders', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('cluster').notNullable();
    table.text('replica').notNullable();
    table.timestamp('elected_at').notNullable();
    table.timestamp('received_at').notNullable();
    table.bigInteger('epoch').notNullable();
    table.primary(['tenant_id', 'cluster']);
  });
  await knex.schema.createTable('exemplars', (table) => {
    table.bigIncrements('id');
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('metric').notNullable();
    table.jsonb('series_labels').notNullable();
    table.jsonb('labels').notNullable();
    table.double('value').notNullable();
    table.timestamp('ts').notNullable();
    table.index(['tenant_id', 'metric', 'ts']);
    table.index(['tenant_id', 'id']);
  });
  await knex.schema.createTable('whitelist_overrides', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('pattern').notNullable();
    table.text('kind').notNullable().checkIn(['exact', 'pattern']);
    table.primary(['tenant_id', 'pattern']);
  });
  await knex.raw(`
    CREATE TRIGGER whitelist_overrides_change AFTER INSERT OR UPDATE OR DELETE ON whitelist_overrides
    FOR EACH ROW EXECUTE FUNCTION note_change('whitelist', 'tenant_id')`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('whitelist_overrides');
  await knex.schema.dropTable('exemplars');
  await knex.schema.dropTable('ha_leaders');
  await knex.schema.dropTable('ingest_rejections');
  await knex.schema.dropTable('metric_metadata');
}
