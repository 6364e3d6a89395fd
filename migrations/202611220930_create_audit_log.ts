import type { Knex } from 'knex';

/** Who did what, and when: rows are added and, after their retention, deleted, but never changed. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('audit_log', (table) => {
    table.bigIncrements('id');
    table.text('tenant_id').notNullable();
    table.timestamp('at').notNullable();
    table.text('actor_kind').notNullable().checkIn(['user', 'key', 'system']);
    table.text('actor_id').notNullable();
    table.text('actor_name').notNullable();
    table.text('action').notNullable();
    table.text('target').notNullable();
    table.text('ip');
    table.text('request_id');
    table.jsonb('details').notNullable().defaultTo('{}');
    table.index(['tenant_id', 'at']);
  });
  await knex.raw(`
    CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'audit rows are not changed'; END $$`);
  await knex.raw(`
    CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('audit_log');
  await knex.raw('DROP FUNCTION refuse_audit_change()');
}
