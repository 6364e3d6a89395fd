import type { Knex } from 'knex';

/** Tokens with which people set a new password, one for each of them, hashes only; and where sessions came from. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('password_resets', (table) => {
    table.binary('token_hash').primary();
    table.text('tenant_id').notNullable().references('tenants.id').onDelete('CASCADE');
    table.uuid('user_id').notNullable().unique().references('users.id').onDelete('CASCADE');
    table.timestamp('created_at').notNullable();
    table.timestamp('expires_at').notNullable();
    table.index('expires_at');
  });
  await knex.schema.alterTable('sessions', (table) => {
    table.text('ip');
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('sessions', (table) => {
    table.dropColumn('ip');
  });
  await knex.schema.dropTable('password_resets');
}
