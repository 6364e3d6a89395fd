import type { Knex } from 'knex';

/** Up to where each tier has a tenant's samples, and what is known of each hour until raw samples expire. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('downsample_marks', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('tier').notNullable();
    table.timestamp('done_until').notNullable();
    table.primary(['tenant_id', 'tier']);
  });
  await knex.schema.createTable('downsample_slices', (table) => {
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('tier').notNullable();
    table.timestamp('start_at').notNullable();
    // Of the last attempt; the next one is above it.
    table.smallint('version').notNullable();
    // Of the last one that was done.
    table.bigInteger('samples');
    table.timestamp('check_at');
    // Set where the hour is to be done again.
    table.timestamp('asked_at');
    table.primary(['tenant_id', 'tier', 'start_at']);
    table.index(['start_at']);
  });
  await knex.raw(
    'CREATE INDEX downsample_slices_asked ON downsample_slices (start_at) WHERE asked_at IS NOT NULL',
  );
  await knex.raw(
    'CREATE INDEX downsample_slices_check ON downsample_slices (check_at) WHERE check_at IS NOT NULL',
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('downsample_slices');
  await knex.schema.dropTable('downsample_marks');
}
