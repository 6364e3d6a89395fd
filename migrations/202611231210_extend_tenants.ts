import type { Knex } from 'knex';

/** What a tenant is allowed at the moment, what it used by the hour, and the record of those that were deleted. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('tenants', (table) => {
    table
      .text('status')
      .notNullable()
      .defaultTo('active')
      .checkIn(['active', 'suspended', 'deleting'], 'tenants_status');
    table.text('status_reason');
  });
  await knex.schema.createTable('tenant_usage', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.timestamp('hour').notNullable();
    for (const name of ['samples', 'refused_samples', 'bytes_written', 'queries', 'bytes_read']) {
      table.bigInteger(name).notNullable().defaultTo(0);
    }
    for (const name of ['active_series', 'metric_names']) {
      table.bigInteger(name).notNullable().defaultTo(0);
    }
    table.primary(['tenant_id', 'hour']);
  });
  // No reference to the tenant: this is what remains of it.
  await knex.schema.createTable('tenant_deletions', (table) => {
    table.uuid('id').primary();
    table.text('tenant_id').notNullable();
    table.text('requested_by').notNullable();
    table.timestamp('requested_at').notNullable();
    table.text('status').notNullable().checkIn(['waiting', 'running', 'done'], 'deletion_status');
    table.text('step').notNullable();
    table.bigInteger('series').notNullable().defaultTo(0);
    table.bigInteger('series_left');
    table.bigInteger('files').notNullable().defaultTo(0);
    table.jsonb('row_counts').notNullable().defaultTo('{}');
    table.text('error');
    table.text('holder');
    table.timestamp('lease_until');
    table.timestamp('finished_at');
    table.timestamp('verified_at');
    table.index(['tenant_id', 'requested_at']);
  });
  await knex.raw(
    "CREATE UNIQUE INDEX tenant_deletions_open ON tenant_deletions (tenant_id) WHERE status <> 'done'",
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('tenant_deletions');
  await knex.schema.dropTable('tenant_usage');
  await knex.schema.alterTable('tenants', (table) => {
    table.dropColumns('status', 'status_reason');
  });
}
