import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createHosts, type Hosts } from '../../src/hosts/index.ts';
import { createMeters, silentLogger, systemClock } from '../../src/platform/index.ts';
import {
  createChangeFeed,
  createExemplarStore,
  createHaStore,
  createHostStore,
  createLeases,
  createMetadataStore,
  createPostgres,
  createRejectionStore,
  createTenantStore,
  createWhitelistOverrideStore,
  migrateDown,
  migrateUp,
} from '../../src/storage/postgres/index.ts';
import { systemActor } from '../../src/access/index.ts';
import { migrations, startDatabase, type TestDatabase } from '../support/access.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await startDatabase({ migrated: false });
}, 60_000);
afterAll(() => database.stop());

const tables = async (): Promise<string[]> => {
  const { rows } = await database.postgres.knex.raw<{ rows: { name: string }[] }>(
    "select tablename as name from pg_tables where schemaname = 'public' order by 1",
  );
  return rows.map(({ name }) => name);
};

describe('migrations', () => {
  it('are applied once by two processes that start together', async () => {
    const [first, second] = await Promise.all([
      migrateUp(database.connect(), { directory: migrations }),
      migrateUp(database.connect(), { directory: migrations }),
    ]);
    expect([first.length, second.length].sort((a, b) => a - b)).toEqual([
      0,
      readdirSync(migrations).length,
    ]);
  });

  it('go on after a process was killed while it held the lock row', async () => {
    await database.postgres.knex('migrations_lock').update({ is_locked: 1 });
    await expect(migrateUp(database.postgres, { directory: migrations })).resolves.toEqual([]);
  });

  it('leave nothing behind when taken back, and can be applied again', async () => {
    await migrateDown(database.postgres, { directory: migrations });
    expect(await tables()).toEqual(['migrations', 'migrations_lock']);
    await migrateUp(database.postgres, { directory: migrations });
  });

  it('give every table a primary key, and a tenant except where there is none', async () => {
    const { rows } = await database.postgres.knex.raw<{
      rows: { name: string; pk: boolean; tenant: boolean }[];
    }>(`
      select t.tablename as name,
        exists (select 1 from information_schema.table_constraints c
          where c.table_name = t.tablename and c.constraint_type = 'PRIMARY KEY') as pk,
        exists (select 1 from information_schema.columns c
          where c.table_name = t.tablename and c.column_name = 'tenant_id') as tenant
      from pg_tables t where schemaname = 'public' and tablename not like 'migrations%'`);
    expect(rows.filter(({ pk }) => !pk)).toEqual([]);
    const withoutTenant = rows.filter(({ tenant }) => !tenant).map(({ name }) => name);
    expect(withoutTenant.sort()).toEqual(['leases', 'rate_windows', 'rulers', 'tenants']);
  });
});

describe('with a tenant', () => {
  beforeAll(async () => {
    const tenants = createTenantStore(database.postgres.knex);
    for (const id of ['a', 'b']) {
      await tenants.insert(
        { id, name: id, status: 'active', statusReason: null, policy: {}, createdAtMs: 1_000 },
        {
          ...{ actor: systemActor(id), tenantId: id, action: 'tenant_created' },
          ...{ target: `tenant:${id}`, atMs: 1_000 },
        },
      );
    }
  });

  it('a lease has one holder, whose epoch a successor exceeds, and a deposed holder writes nothing', async () => {
    const { knex } = database.postgres;
    const one = createLeases(knex, 'one');
    const two = createLeases(knex, 'two');
    const held = await one.acquire('tick', 60_000);
    expect(held?.epoch).toBe('1');
    expect(await two.acquire('tick', 60_000)).toBeUndefined();
    expect((await one.acquire('tick', 60_000))?.epoch).toBe('1');
    expect(await one.fenced(held!, () => Promise.resolve('done'))).toBe('done');
    await one.release(held!);
    const taken = await vi.waitUntil(() => two.acquire('tick', 60_000));
    expect(taken.epoch).toBe('2');
    const work = vi.fn(() => Promise.resolve('written'));
    expect(await one.fenced(held!, work)).toBeUndefined();
    expect(work).not.toHaveBeenCalled();
  });

  it('audit rows cannot be changed', async () => {
    const { knex } = database.postgres;
    await expect(knex('audit_log').update({ action: 'nothing' })).rejects.toThrow(
      'audit rows are not changed',
    );
  });

  it('a change is told to every process, again while its listener fails', async () => {
    const other = database.connect();
    const feed = createChangeFeed({
      ...{ knex: database.postgres.knex, clock: systemClock, log: silentLogger, intervalMs: 20 },
    });
    const told: string[] = [];
    let failures = 2;
    feed.on('whitelist', (tenantId) => {
      told.push(tenantId);
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('not now')) : undefined;
    });
    await feed.start();
    await createWhitelistOverrideStore(other.knex).set('a', { exact: ['up'], patterns: ['x_.*'] });
    await vi.waitFor(() => expect(told).toEqual(['a', 'a', 'a']));
    await feed.stop();
    const overrides = createWhitelistOverrideStore(database.postgres.knex);
    expect(await overrides.of('a')).toEqual({ exact: ['up'], patterns: ['x_.*'] });
    expect([...(await overrides.all()).keys()]).toEqual(['a']);
  });

  it('an HA pair keeps its leader until it is silent, and one of two claims at once wins', async () => {
    const store = createHaStore(database.postgres.knex);
    const claim = (replica: string, nowMs: number) =>
      store.claim({
        ...{ tenantId: 'a', cluster: 'c', replica, nowMs, staleBeforeMs: nowMs - 30_000 },
      });
    const at = 1_700_000_000_000;
    const both = await Promise.all([claim('r1', at), claim('r2', at)]);
    expect(new Set(both.map(({ replica }) => replica)).size).toBe(1);
    const first = both[0].replica;
    const second = first === 'r1' ? 'r2' : 'r1';
    expect((await claim(second, at + 10_000)).replica).toBe(first);
    await store.refresh([{ ...both[0], receivedAtMs: at + 20_000 }]);
    expect((await claim(second, at + 45_000)).replica).toBe(first);
    const failedOver = await claim(second, at + 51_000);
    expect(failedOver).toMatchObject({ replica: second, electedAtMs: at + 51_000 });
    // A gateway that still hears the old one does not keep it alive.
    await store.refresh([{ ...both[0], receivedAtMs: at + 90_000 }]);
    expect(await store.list('a')).toEqual([failedOver]);
    expect(await store.list('b')).toEqual([]);
  });

  it('refusals add up by reason, series and sender, whatever bytes a series has', async () => {
    const store = createRejectionStore(database.postgres.knex);
    const row = {
      ...{ tenantId: 'a', reason: 'not_whitelisted' as const, sender: 'key' },
      ...{ series: `bad{x="\0${'y'.repeat(20_000)}"}`, samples: 2 },
      ...{ firstAtMs: 5_000, lastAtMs: 6_000 },
    };
    await store.add([row, { ...row, series: '', samples: 7 }]);
    await store.add([{ ...row, samples: 3, firstAtMs: 7_000, lastAtMs: 9_000 }]);
    const { items, total } = await store.list('a', { limit: 1, offset: 0 });
    expect(total).toBe(2);
    expect(items[0]).toMatchObject({ samples: 5, firstAtMs: 5_000, lastAtMs: 9_000 });
    expect(await store.list('b', { limit: 10, offset: 0 })).toEqual({ items: [], total: 0 });
  });

  it('metadata is replaced by metric and tenant', async () => {
    const store = createMetadataStore(database.postgres.knex);
    const up = { tenantId: 'a', metric: 'up', type: 'gauge' as const, help: 'old', unit: '' };
    await store.upsert([up]);
    await store.upsert([
      { ...up, help: 'older' },
      { ...up, help: 'new' },
    ]);
    expect(await store.list('a', {})).toEqual([
      { metric: 'up', type: 'gauge', help: 'new', unit: '' },
    ]);
    expect(await store.list('a', { metric: 'down' })).toEqual([]);
    expect(await store.list('b', {})).toEqual([]);
  });

  it('exemplars come back by series in order of time, NaN and infinities included', async () => {
    const store = createExemplarStore(database.postgres.knex);
    const one = (timestampMs: number, value: number) => ({
      tenantId: 'a',
      seriesLabels: [
        ['__name__', 'latency'],
        ['le', '1'],
      ] as [string, string][],
      exemplar: { labels: [['trace', 'x']] as [string, string][], value, timestampMs },
    });
    await store.add([one(3_000, Number.NaN), one(2_000, Infinity), one(Number.MAX_VALUE, 1)]);
    const all = { tenantId: 'a', metrics: ['latency'], startMs: 0, endMs: 10_000 };
    const found = await store.read(all);
    expect(found).toHaveLength(1);
    expect(found[0]?.labels).toEqual({ __name__: 'latency', le: '1' });
    expect(found[0]?.exemplars.map(({ value }) => value)).toEqual([Infinity, Number.NaN]);
    expect(await store.read({ ...all, tenantId: 'b' })).toEqual([]);
    expect(await store.read({ ...all, metrics: ['other'] })).toEqual([]);
  });

  describe('hosts', () => {
    let hosts: Hosts;
    let feed: ReturnType<typeof createChangeFeed>;
    beforeAll(async () => {
      const { knex } = database.postgres;
      feed = createChangeFeed({ knex, clock: systemClock, log: silentLogger, intervalMs: 20 });
      hosts = createHosts({
        ...{ store: createHostStore(knex), changes: feed, maxHostsOf: () => 2 },
        ...{ clock: systemClock, log: silentLogger },
      });
      await feed.start();
      await hosts.start();
    });
    afterAll(async () => {
      await feed.stop();
      await hosts.close();
    });

    it('are registered on first sight, up to what the tenant may have', async () => {
      for (const id of ['h1', 'h2', 'h3']) hosts.seen('a', id, 1_000);
      hosts.seen('a', 'h1', 2_000);
      hosts.seen('nobody', 'h1', 2_000);
      await hosts.flush();
      const { items, total } = await hosts.list('a', { limit: 10, offset: 0 });
      expect(total).toBe(2);
      expect(items[0]).toMatchObject({ id: 'h1', hostname: 'h1', lastSeenAtMs: 2_000 });
      await vi.waitFor(() => expect(hosts.tagsOf('a', 'h1')).toEqual({}));
      expect(hosts.tagsOf('a', 'h3')).toBeUndefined();
      expect(await hosts.get('b', 'h1')).toBeUndefined();
    });

    it('say who they are by heartbeat; one host too many is refused', async () => {
      await hosts.heartbeat('a', 'h1', {
        ...{ hostname: 'web-01', agent_version: '1.0', ips: ['10.0.0.1'], has_gpu: true, more: 1 },
      });
      expect(await hosts.get('a', 'h1')).toMatchObject({
        ...{ hostname: 'web-01', agentVersion: '1.0', ips: ['10.0.0.1'], hasGpu: true },
      });
      await expect(hosts.heartbeat('a', 'h9', {})).rejects.toMatchObject({
        code: 'RATE_LIMIT_EXCEEDED',
      });
      await expect(hosts.heartbeat('a', 'h1', { ips: 'x' })).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      });
      await expect(hosts.heartbeat('a', 'h1', { x: '\0' })).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      });
    });

    it('have the tags that any process gave them', async () => {
      const told: string[] = [];
      hosts.onChange((tenantId) => told.push(tenantId));
      await database
        .connect()
        .knex('hosts')
        .where({ tenant_id: 'a', id: 'h1' })
        .update({ tags: JSON.stringify({ zone: 'eu' }) });
      await vi.waitFor(() => expect(hosts.tagsOf('a', 'h1')).toEqual({ zone: 'eu' }));
      expect(told).toContain('a');
    });
  });
});

describe('a database that is away', () => {
  it('is UNAVAILABLE, for stores and for the ping', async () => {
    const away = createPostgres({
      ...{ url: 'postgres://x:y@127.0.0.1:1/z', poolSize: 2 },
      ...{ log: silentLogger, meters: createMeters() },
    });
    await expect(createTenantStore(away.knex).all()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(away.ping()).rejects.toThrow();
    await away.close();
  });
});

it('queries are timed as db_query_duration_seconds by outcome', async () => {
  const meters = createMeters();
  const pool = createPostgres({
    ...{ url: database.server.url, poolSize: 2, log: silentLogger, meters },
  });
  await pool.ping();
  await pool.knex.raw('select nothing').catch(() => undefined);
  const text = await meters.text();
  expect(text).toContain('db_query_duration_seconds_count{outcome="ok"} 1');
  expect(text).toContain('db_query_duration_seconds_count{outcome="error"} 1');
  await pool.close();
});
