import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMeters, silentLogger } from '../../src/platform/index.ts';
import {
  createHostStore,
  createPostgres,
  ofTenant,
  type Postgres,
} from '../../src/storage/postgres/index.ts';
import { startFurnished, type Furnished } from '../support/furnished.ts';
import { Stage } from '../support/stage.ts';

const role = 'gaugeway_tenant';
const stage = new Stage();
let furnished: Furnished;
let knex: Knex;
/** A pool as the product has it, of one connection: what it leaves behind would be seen. */
let postgres: Postgres;
beforeAll(async () => {
  furnished = await startFurnished(stage);
  knex = furnished.knex;
  postgres = createPostgres({
    ...{ url: furnished.product.postgres.url, poolSize: 2, log: silentLogger },
    meters: createMeters(),
  });
  stage.onEnd(() => postgres.close());
  expect(await postgres.raiseWall()).toBe('on');
}, 180_000);
afterAll(() => stage.end());

interface Table {
  name: string;
  tenant: string;
  secured: boolean;
  policies: string;
}

/** Of the catalog, so that a table that is added later is judged too. */
async function tables(): Promise<Table[]> {
  const { rows } = await knex.raw<{ rows: Table[] }>(`
    select c.relname as name, a.attname as tenant, c.relrowsecurity as secured,
      (select count(*) from pg_policy p where p.polrelid = c.oid) as policies
    from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and a.attname = case c.relname when 'tenants' then 'id' else 'tenant_id' end
    order by 1`);
  return rows;
}

/** As a request of this tenant is run, and taken back. */
async function as<T>(tenantId: string | undefined, work: (trx: Knex.Transaction) => Promise<T>) {
  const trx = await knex.transaction();
  try {
    await trx.raw(`set local role ${role}`);
    if (tenantId !== undefined) {
      await trx.raw("select set_config('gaugeway.tenant', ?, true)", [tenantId]);
    }
    return await work(trx);
  } finally {
    await trx.rollback();
  }
}

const countOf = async (of: Knex | Knex.Transaction, table: string): Promise<number> => {
  const [row] = await of(table).count<{ count: string }[]>();
  return Number(row?.count);
};

describe('every table with tenants', () => {
  it('has row-level security and a policy', async () => {
    const all = await tables();
    expect(all.length).toBeGreaterThan(25);
    expect(all.filter(({ secured, policies }) => !secured || Number(policies) !== 1)).toEqual([]);
  });

  it('shows a tenant its own rows, and nothing without a tenant or to another one', async () => {
    let seen = 0;
    for (const { name, tenant } of await tables()) {
      const [own] = await knex(name).where(tenant, 'default').count<{ count: string }[]>();
      const shown = await as('default', (trx) => countOf(trx, name));
      // Rows of the product's own work may come meanwhile.
      expect([name, shown >= Number(own?.count)]).toEqual([name, true]);
      const strange = await as('default', (trx) =>
        trx(name).whereNot(tenant, 'default').select(tenant),
      );
      expect([name, strange]).toEqual([name, []]);
      expect([name, await as(undefined, (trx) => countOf(trx, name))]).toEqual([name, 0]);
      expect([name, await as('nobody', (trx) => countOf(trx, name))]).toEqual([name, 0]);
      seen += shown;
    }
    expect(seen).toBeGreaterThan(20);
  });

  it('lets nobody change, delete or add rows of another tenant', async () => {
    let tried = 0;
    for (const { name, tenant } of await tables()) {
      const [row] = await knex(name).where(tenant, 'default').limit(1);
      if (row === undefined) continue;
      tried += 1;
      expect([name, await as('nobody', (trx) => trx(name).delete())]).toEqual([name, 0]);
      const give = (from: string) =>
        as(from, (trx) => trx(name).update({ [tenant]: 'nobody' })).catch(String);
      // Of the audit log nobody changes anything.
      const isFixed = name === 'audit_log';
      expect([name, await give('nobody')]).toEqual([name, isFixed ? expect.any(String) : 0]);
      expect(await give('default'), name).toMatch(
        isFixed ? /audit rows are not changed/ : /violates row-level security policy/,
      );
      const added = as('nobody', (trx) =>
        trx.raw(
          `insert into ?? overriding system value select * from jsonb_populate_record(null::??, ?)`,
          [name, name, JSON.stringify(row)],
        ),
      );
      await expect(added, name).rejects.toThrow(/violates row-level security policy/);
    }
    expect(tried).toBeGreaterThan(15);
  });

  it('is secured when the product starts, also where a migration forgot it', async () => {
    await knex.schema.createTable('added_later', (table) => {
      table.text('tenant_id').notNullable();
    });
    try {
      const added = async () => (await tables()).find(({ name }) => name === 'added_later');
      expect(await added()).toMatchObject({ secured: false });
      await postgres.raiseWall();
      expect(await added()).toMatchObject({ secured: true, policies: '1' });
      await knex('added_later').insert({ tenant_id: 'a' });
      expect(await as('a', (trx) => countOf(trx, 'added_later'))).toBe(1);
      expect(await as('b', (trx) => countOf(trx, 'added_later'))).toBe(0);
    } finally {
      await knex.schema.dropTable('added_later');
    }
  });
});

it('the role of tenants owns nothing, bypasses nothing and cannot log in', async () => {
  const { rows } = await knex.raw<{ rows: object[] }>(
    `select rolsuper, rolbypassrls, rolcreaterole, rolcanlogin,
       (select count(*) from pg_class where relowner = pg_roles.oid) as owns
     from pg_roles where rolname = ?`,
    [role],
  );
  expect(rows).toEqual([
    ...[
      { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcanlogin: false, owns: '0' },
    ],
  ]);
  for (const sql of [
    'alter table hosts disable row level security',
    'drop policy rows_of_tenant on hosts',
    'truncate hosts',
    'select * from leases',
  ]) {
    await expect(
      as('default', (trx) => trx.raw(sql)),
      sql,
    ).rejects.toThrow(/must be owner|permission denied/);
  }
});

describe('work for one tenant', () => {
  const hosts = (): Promise<{ tenant_id: string }[]> => postgres.knex('hosts').select('tenant_id');

  it('sees its rows without saying of whom, also in a transaction, and leaves nothing behind', async () => {
    const all = await hosts();
    expect(all.length).toBeGreaterThan(0);
    expect(await ofTenant('nobody', hosts)).toEqual([]);
    expect(await ofTenant("o'clock; drop table hosts", hosts)).toEqual([]);
    expect(await hosts()).toHaveLength(all.length);
    const inside = await ofTenant('nobody', () =>
      postgres.knex.transaction(async (trx) => {
        const { rows } = await trx.raw<{ rows: { role: string }[] }>('select current_user as role');
        return [rows[0]?.role, await countOf(trx, 'hosts')];
      }),
    );
    expect(inside).toEqual([role, 0]);
    expect(await hosts()).toHaveLength(all.length);
  });

  it('of many at once is told apart', async () => {
    const ids = Array.from({ length: 40 }, (_, at) =>
      at % 2 === 0 ? 'default' : `nobody-${String(at)}`,
    );
    const seen = await Promise.all(ids.map((id) => ofTenant(id, hosts)));
    for (const [at, rows] of seen.entries()) {
      expect(rows.length > 0).toBe(ids[at] === 'default');
    }
  });

  it('goes on after a statement that failed, in and outside of transactions', async () => {
    const wrong = (): Promise<unknown> => postgres.knex.raw('select * from no_such_table');
    await expect(ofTenant('nobody', wrong)).rejects.toThrow('no_such_table');
    const half = ofTenant('nobody', () =>
      postgres.knex.transaction((trx) => trx.raw('select * from no_such_table')),
    );
    await expect(half).rejects.toThrow('no_such_table');
    expect(await ofTenant('nobody', hosts)).toEqual([]);
    expect((await hosts()).length).toBeGreaterThan(0);
  });

  it('reaches what is for all tenants by the methods that say so', async () => {
    const store = createHostStore(postgres.knex);
    const known = await ofTenant('nobody', () => store.allTags());
    expect(known.length).toBeGreaterThan(0);
    expect(await ofTenant('nobody', () => store.find('default', 'doc-1'))).toBeUndefined();
    expect(await store.find('default', 'doc-1')).toBeDefined();
  });
});
