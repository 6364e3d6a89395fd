import type { Knex } from 'knex';

/** Tenants, the leases that guard work done once, and the counters by which every process notices a change. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('tenants', (table) => {
    table.text('id').primary();
    table.text('name').notNullable();
    table.jsonb('policy').notNullable().defaultTo('{}');
    table.timestamp('created_at').notNullable().defaultTo(knex.fn.now());
  });
  await knex.schema.createTable('leases', (table) => {
    table.text('name').primary();
    table.text('holder').notNullable();
    table.bigInteger('epoch').notNullable();
    table.timestamp('expires_at').notNullable();
  });
  await knex.schema.createTable('changes', (table) => {
    table.text('tenant_id').notNullable();
    table.text('topic').notNullable();
    table.bigInteger('version').notNullable();
    table.primary(['tenant_id', 'topic']);
  });
  // One counter per tenant and topic: its row lock puts concurrent changes in commit order, which a sequence does not.
  await knex.raw(`
    CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      changed text := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END ->> TG_ARGV[1];
    BEGIN
      INSERT INTO changes (tenant_id, topic, version) VALUES (changed, TG_ARGV[0], 1)
      ON CONFLICT (tenant_id, topic) DO UPDATE SET version = changes.version + 1;
      RETURN NULL;
    END $$`);
  await knex.raw(`
    CREATE TRIGGER tenants_change AFTER INSERT OR UPDATE OR DELETE ON tenants
    FOR EACH ROW EXECUTE FUNCTION note_change('tenants', 'id')`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('tenants');
  await knex.schema.dropTable('leases');
  await knex.schema.dropTable('changes');
  await knex.raw('DROP FUNCTION note_change()');
}
