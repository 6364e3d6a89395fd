import type { Knex } from 'knex';

/** People, their sessions (families of refresh tokens) and the tokens, of which only hashes are kept. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('users', (table) => {
    table.uuid('id').primary();
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.text('email').notNullable();
    table.text('password_hash').notNullable();
    table.text('role').notNullable().checkIn(['Viewer', 'Operator', 'Admin']);
    table.text('status').notNullable().checkIn(['active', 'disabled']);
    table.timestamp('created_at').notNullable();
    table.index('tenant_id');
  });
  // People log in without naming a tenant, so an address is one account in the whole installation.
  await knex.raw('CREATE UNIQUE INDEX users_email_unique ON users (lower(email))');
  await knex.schema.createTable('sessions', (table) => {
    table.uuid('id').primary();
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.uuid('user_id').notNullable().references('users.id').onDelete('CASCADE');
    table.timestamp('created_at').notNullable();
    table.timestamp('expires_at').notNullable();
    table.timestamp('revoked_at');
    table.text('revoked_reason');
    table.index('user_id');
    table.index('expires_at');
  });
  await knex.schema.createTable('refresh_tokens', (table) => {
    table.binary('token_hash').primary();
    table.text('tenant_id').notNullable();
    table.uuid('session_id').notNullable().references('sessions.id').onDelete('CASCADE');
    table.timestamp('issued_at').notNullable();
    table.timestamp('expires_at').notNullable();
    table.timestamp('used_at');
    table.index('session_id');
  });
  await knex.raw(`
    CREATE TRIGGER users_change AFTER UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION note_change('credentials', 'tenant_id')`);
  await knex.raw(`
    CREATE TRIGGER sessions_change AFTER UPDATE OF revoked_at OR DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION note_change('credentials', 'tenant_id')`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('refresh_tokens');
  await knex.schema.dropTable('sessions');
  await knex.schema.dropTable('users');
}
