import type { Knex } from 'knex';
import { tenantRole } from './tenant-connection.ts';

/** `on`, or why the second wall between tenants is not there. */
export type SecondWall = 'on' | 'no_role' | 'not_member';

const policy = 'rows_of_tenant';

/** From 16 on who makes a role is its member at once, and may still not become it. */
const mayBecomeSql = `CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END`;

/**
 * Row-level security on all tables with tenants, and the rights of the role that is bound by it; what is there already stays.
 * It is done after migrations, so that a new table cannot be forgotten. Where the role of the connection may not make roles,
 * an administrator does: `CREATE ROLE gaugeway_tenant NOLOGIN; GRANT gaugeway_tenant TO …`.
 */
export async function raiseSecondWall(knex: Knex): Promise<SecondWall> {
  await knex.raw(`
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${tenantRole}') THEN
        CREATE ROLE ${tenantRole} NOLOGIN;
      END IF;
      IF NOT pg_has_role(current_user, '${tenantRole}', ${mayBecomeSql}) THEN
        GRANT ${tenantRole} TO CURRENT_USER;
      END IF;
    EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
    END $$`);
  await knex.raw(`
    DO $$ DECLARE of record; BEGIN
      FOR of IN ${tablesSql} LOOP
        IF NOT of.secured THEN
          EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of.name);
        END IF;
        IF NOT of.judged THEN
          EXECUTE format(
            'CREATE POLICY ${policy} ON %I USING (%I = (SELECT current_setting(''gaugeway.tenant'', true)))',
            of.name, of.tenant);
        END IF;
      END LOOP;
    END $$`);
  const state = await secondWall(knex);
  if (state === 'on') await grant(knex);
  return state;
}

/** Tables with tenants, the column that says which, and what they have already. */
const tablesSql = `
  SELECT t.relname AS name, a.attname AS tenant, t.relrowsecurity AS secured,
    EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = '${policy}') AS judged
  FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
  WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT a.attisdropped
    AND pg_has_role(current_user, t.relowner, 'MEMBER')
    AND a.attname = CASE WHEN t.relname = 'tenants' THEN 'id' ELSE 'tenant_id' END`;

export async function secondWall(knex: Knex): Promise<SecondWall> {
  const { rows } = await knex.raw<{ rows: { isThere: boolean; isMember: boolean | null }[] }>(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '${tenantRole}') AS "isThere",
       (SELECT pg_has_role(current_user, oid, ${mayBecomeSql}) FROM pg_roles WHERE rolname = '${tenantRole}') AS "isMember"`,
  );
  if (!rows[0]?.isThere) return 'no_role';
  return rows[0].isMember ? 'on' : 'not_member';
}

/** Only where something is missing: rights are rows that replicas would wait for. */
async function grant(knex: Knex): Promise<void> {
  await knex.raw(`
    DO $$ DECLARE of record; BEGIN
      IF NOT has_schema_privilege('${tenantRole}', 'public', 'USAGE') THEN
        GRANT USAGE ON SCHEMA public TO ${tenantRole};
      END IF;
      FOR of IN ${tablesSql} LOOP
        IF NOT has_table_privilege('${tenantRole}', format('public.%I', of.name), 'DELETE') THEN
          EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ${tenantRole}', of.name);
        END IF;
      END LOOP;
      FOR of IN SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' LOOP
        IF NOT has_sequence_privilege('${tenantRole}', format('public.%I', of.name), 'USAGE') THEN
          EXECUTE format('GRANT USAGE ON SEQUENCE %I TO ${tenantRole}', of.name);
        END IF;
      END LOOP;
    END $$`);
}
