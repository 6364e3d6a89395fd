import { parse } from 'csv-parse/sync';
import { chmodSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFurnished, type Furnished } from '../support/furnished.ts';
import { documentOf, operationsOf } from '../support/openapi.ts';
import { Stage, until } from '../support/stage.ts';

/**
 * Statements that are for all tenants or find out which one it is, with the reason: everything else that touches a table
 * with tenants must say of which tenant. A new statement is not to be added here before somebody has asked why.
 */
const across: readonly (readonly [RegExp, string])[] = [
  [/^select \* from users where lower\(email\) = /, 'a login names no tenant: this finds it'],
  [/^select \* from api_keys where prefix = /, 'a key names no tenant: this finds it'],
  [/^select .* from agent_tokens where prefix = /, 'an enrolment names no tenant: this finds it'],
  [/ from refresh_tokens as token .* where token\.token_hash = /, 'a refresh: this finds it'],
  [/^(?:select users\.\*|delete) from password_resets .*token_hash = \$/, 'a reset: this finds it'],
  [/^select tenant_id, id, tags from hosts$/, 'what the write path answers from memory'],
  [/^select tenant_id from agent_defaults union /, 'what agents are answered from memory'],
  [/^select \* from whitelist_overrides order by /, 'what the write path answers from memory'],
  [/^select \* from channels order by name asc$/, 'what senders know, by tenant'],
  [/^select tenant_id, id, spec from rules where enabled = /, 'rulers work for all'],
  [/^select distinct tenant_id from (?:received_alerts|rule_groups)$/, 'rulers work for all'],
  [/^update rule_groups set lease_\w+ = /i, 'leases of rulers, by their holder'],
  [
    /^(?:update deliveries set|with (?:several|heads|dropped|named) as) /i,
    'senders work for all, by lock',
  ],
  [/^select count\(\*\) filter .* from deliveries where status in /i, 'how much waits, of all'],
  [/ report_schedules .* next_run_at <= .* for update skip locked$/, 'workers work for all'],
  [/^update report_runs set .*(?:lease_until|holder) /, 'workers work for all, by row and holder'],
  [
    /^delete from \w+ where ctid = any\(array\( select ctid from \w+ where .* < \$1 order by /,
    'the purge, by age',
  ],
];

/** Counters by which processes hear of changes, and the installation's own record of deletions. */
const notData = ['changes', 'tenant_deletions'];

const stage = new Stage();
let furnished: Furnished;
let logs: string;
let tables: string[];

beforeAll(async () => {
  logs = stage.directory();
  // Postgres may run as somebody else.
  chmodSync(logs, 0o777);
  furnished = await startFurnished(stage, {
    ...{ logging_collector: 'on', log_destination: 'csvlog', log_directory: logs },
    ...{ log_statement: 'all', log_filename: 'statements', log_rotation_size: '0' },
    log_file_mode: '0644',
  });
  const { rows } = await furnished.knex.raw<{ rows: { name: string }[] }>(
    "select table_name as name from information_schema.columns where column_name = 'tenant_id' and table_schema = 'public'",
  );
  tables = rows.map(({ name }) => name).filter((name) => !notData.includes(name));
}, 180_000);
afterAll(() => stage.end());

/** As Postgres got them: text by text, without their values. */
function statements(): string[] {
  const files = readdirSync(logs).filter((name) => name.endsWith('.csv'));
  const texts = files.flatMap((name) => {
    const rows: string[][] = parse(readFileSync(join(logs, name)), { relaxColumnCount: true });
    return rows.map((row) => row[13] ?? '');
  });
  return texts.flatMap((text) => {
    const [, sql] = /^(?:execute [^:]*|statement): (.*)$/s.exec(text) ?? [];
    return sql === undefined ? [] : [sql.replaceAll('"', '').replaceAll(/\s+/g, ' ').trim()];
  });
}

const isData = (sql: string): boolean =>
  /^(?:select|insert|update|delete|with)\b/i.test(sql) &&
  tables.some((name) =>
    new RegExp(`\\b(?:from|join|into|update) (?:public\\.)?${name}\\b`, 'i').test(sql),
  );

/** The tenant is compared with what was given, or is a column of what is inserted; a join by it alone is for all. */
const namesTenant = (sql: string): boolean =>
  /tenant_id (?:=|in) ?(?:\$|\(|any)/i.test(sql) ||
  /\(tenant_id, [\w, ]+\) in/i.test(sql) ||
  /unnest\(.* \(tenant_id, [\w, ]+\) where \w+\.tenant_id = /i.test(sql) ||
  /unnest\(.* using \(tenant_id/i.test(sql) ||
  /insert into \w+ \([^)]*tenant_id/i.test(sql);

it.each([
  ['select * from hosts where tenant_id = $1 and id = $2', true],
  ['insert into hosts (id, tenant_id) values ($1, $2)', true],
  ['select * from hosts where id = $1', false],
  ['select * from hosts join agents on agents.tenant_id = hosts.tenant_id', false],
  ['delete from hosts', false],
])('%s: says of which tenant: %s', (sql, says) => {
  expect(namesTenant(sql)).toBe(says);
});

describe('every statement that reaches Postgres', () => {
  it('says of which tenant it is, or is one of those that are known to be for all', async () => {
    const { product, wanted, pathOf } = furnished;
    const operations = operationsOf(await documentOf(product.url));
    const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
    operations.sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
    for (const operation of operations) {
      if (operation.name.endsWith('/logout')) continue;
      const { query = '', body, as } = wanted[operation.name] ?? {};
      let path: string;
      try {
        path = pathOf(operation);
      } catch {
        path = operation.path.replaceAll(/\{[^}]+\}/g, 'none');
      }
      const answer = await fetch(product.url + path + query, {
        method: operation.method,
        headers: {
          authorization: as === 'write' ? `Bearer ${product.writeKey}` : product.adminToken,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body()) } : {}),
      });
      await answer.arrayBuffer();
    }
    // The rulers, senders and workers have had their turns too.
    await until('an order to delete a tenant is carried out', async () => {
      const rows = await furnished.knex('tenant_deletions').whereNot({ status: 'done' });
      return rows.length === 0;
    });
    const all = statements();
    // What requests cause is asked by the role that row-level security binds.
    const bound = all.filter((sql) => sql.startsWith('BEGIN; SET LOCAL ROLE gaugeway_tenant'));
    expect(bound.length).toBeGreaterThan(50);
    const seen = [...new Set(all)].filter(isData);
    expect(seen.length).toBeGreaterThan(150);
    const loose = seen.filter(
      (sql) => !namesTenant(sql) && !across.some(([pattern]) => pattern.test(sql)),
    );
    expect(loose).toEqual([]);
  }, 170_000);
});
