import type { Knex } from 'knex';

/** Keys of programs: looked up by a public prefix, compared by the SHA-256 of the whole. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('api_keys', (table) => {
    table.uuid('id').primary();
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('name').notNullable();
    table.text('prefix').notNullable().unique();
    table.binary('key_hash').notNullable();
    table.specificType('scopes', 'text[]').notNullable();
    table.text('host_id');
    table.text('whitelist_mode').checkIn(['reject', 'drop', 'observe']);
    table.timestamp('created_at').notNullable();
    table.timestamp('expires_at');
    table.timestamp('revoked_at');
    table.timestamp('last_used_at');
    table.uuid('rotated_from');
    table.index(['tenant_id', 'created_at']);
  });
  // Not on last_used_at: it moves all the time and changes nobody's rights.
  await knex.raw(`
    CREATE TRIGGER api_keys_change
    AFTER UPDATE OF revoked_at, expires_at, scopes, host_id, whitelist_mode OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION note_change('credentials', 'tenant_id')`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('api_keys');
}
