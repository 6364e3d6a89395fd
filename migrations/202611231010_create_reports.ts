import type { Knex } from 'knex';

/** Scheduled reports, and the history of their runs. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('report_schedules', (table) => {
    table.uuid('id').primary();
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('name').notNullable();
    table.jsonb('tags').notNullable();
    table.smallint('weekday').notNullable();
    table.text('at').notNullable();
    table.text('time_zone').notNullable();
    table.text('format').notNullable();
    table.specificType('recipients', 'text[]').notNullable();
    table.boolean('enabled').notNullable();
    table.timestamp('created_at').notNullable();
    table.timestamp('next_run_at').notNullable();
    table.unique(['tenant_id', 'name']);
    table.index(['next_run_at']);
  });
  await knex.schema.createTable('report_runs', (table) => {
    table.uuid('id').primary();
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.uuid('schedule_id').references('report_schedules.id').onDelete('SET NULL');
    table.text('kind').notNullable();
    // What the schedule said when it was due: a later change does not alter what was asked for.
    table.jsonb('wanted').notNullable();
    table.timestamp('scheduled_at').notNullable();
    table.text('status').notNullable();
    table.integer('attempts').notNullable().defaultTo(0);
    table.timestamp('lease_until');
    table.text('holder');
    table.timestamp('started_at');
    table.timestamp('finished_at');
    table.text('error');
    table.jsonb('files').notNullable().defaultTo('[]');
    table.jsonb('mails').notNullable().defaultTo('[]');
    table.index(['tenant_id', 'scheduled_at']);
  });
  await knex.raw(
    `CREATE UNIQUE INDEX report_runs_once ON report_runs (schedule_id, scheduled_at) WHERE kind = 'scheduled'`,
  );
  await knex.raw(
    `CREATE INDEX report_runs_open ON report_runs (scheduled_at) WHERE status IN ('queued', 'running')`,
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('report_runs');
  await knex.schema.dropTable('report_schedules');
}
