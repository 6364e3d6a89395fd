import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller, listOf, type Call } from '../support/rest.ts';
import { steady, store } from '../support/samples.ts';
import { databaseOf } from '../support/sql.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';

const stage = new Stage();
let product: Product;
let storage: Awaited<ReturnType<typeof startStorage>>;
let admin: Call;
let reader: Call;

const minute = 60_000;
const cpu = 'cpu_utilization';

beforeAll(async () => {
  storage = await startStorage(stage);
  product = await startProduct(stage, storage);
  admin = caller(product, product.adminToken);
  reader = caller(product, `Bearer ${product.readKey}`);
}, 120_000);
afterAll(() => stage.end(), 60_000);

/** Adds the hosts and lets each say that it lives. */
async function living(...ids: string[]): Promise<void> {
  for (const id of ids) {
    await admin('POST', '/api/v1/hosts', { hostname: id, tags: { set: 'living' } });
    const writer = caller(product, `Bearer ${product.writeKey}`);
    const beat = await writer('POST', '/api/v1/ingest/heartbeat', { host_id: id, hostname: id });
    expect(beat.status).toBe(200);
  }
}

const hostOf = async (id: string): Promise<Record<string, any>> => {
  const answer = await reader('GET', `/api/v1/hosts/${id}?range=15m`);
  expect(answer.status).toBe(200);
  return answer.body['host'] as Record<string, any>;
};

async function csv(text: string, query = ''): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${product.url}/api/v1/hosts/import${query}`, {
    ...{ method: 'POST', body: text },
    headers: { authorization: product.adminToken, 'content-type': 'text/csv' },
  });
  return { status: answer.status, body: await answer.json() };
}

describe('the inventory', () => {
  it('makes, lists, changes and removes a host as PRP §8.2 prints it', async () => {
    const wanted = {
      ...{ hostname: 'db-02.example.com', ips: ['10.0.2.10'] },
      tags: { role: 'db', zone: 'us-east', gpu: 'true' },
    };
    const made = await admin('POST', '/api/v1/hosts', wanted);
    expect([made.status, made.body]).toEqual([201, { id: 'db-02.example.com', status: 'created' }]);
    expect((await admin('POST', '/api/v1/hosts', wanted)).status).toBe(409);
    const list = await reader('GET', '/api/v1/hosts?tags=role:db,zone:us-east');
    expect(list.body).toMatchObject({ total: 1, limit: 50, offset: 0 });
    expect(listOf(list, 'hosts')[0]).toMatchObject({
      ...{ id: 'db-02.example.com', status: 'ok', last_seen_at: null, ...wanted },
      metrics_summary: { cpu_pct: null, net_tx_mbps: null },
    });
    const path = '/api/v1/hosts/db-02.example.com';
    const changed = await admin('PATCH', path, { tags: { role: 'cache' }, hostname: 'cache-1' });
    expect(changed.body).toMatchObject({ hostname: 'cache-1', tags: { role: 'cache' } });
    expect((await reader('GET', '/api/v1/hosts?tags=role:db')).body['total']).toBe(0);
    const { body } = await admin('DELETE', path);
    expect(body).toEqual({ status: 'deleted', series: 'kept', keys_revoked: 0 });
    expect((await reader('GET', path)).status).toBe(404);
    expect((await admin('DELETE', path)).status).toBe(404);
    const audit = listOf(await admin('GET', '/api/v1/audit?limit=10'), 'entries');
    const ofHost = audit.filter((entry) => entry['target'] === 'host:db-02.example.com');
    expect(ofHost.map((entry) => entry['action'])).toEqual([
      ...['host_deleted', 'host_updated', 'host_created'],
    ]);
    expect(ofHost[1]?.['details']).toMatchObject({
      before: { tags: wanted.tags, hostname: 'db-02.example.com' },
      after: { tags: { role: 'cache' }, hostname: 'cache-1' },
    });
  });

  it('keeps a hostname that a person set when the agent reports another, until it is given back', async () => {
    await living('pinned-1');
    const path = '/api/v1/hosts/pinned-1';
    const writer = caller(product, `Bearer ${product.writeKey}`);
    const report = { host_id: 'pinned-1', hostname: 'from-agent', ips: ['10.1.1.1'] };
    await admin('PATCH', path, { hostname: 'by-hand' });
    await writer('POST', '/api/v1/ingest/heartbeat', report);
    await until('the agent was heard', async () => (await hostOf('pinned-1'))['ips'].length > 0);
    expect((await hostOf('pinned-1'))['hostname']).toBe('by-hand');
    await admin('PATCH', path, { hostname: null });
    await writer('POST', '/api/v1/ingest/heartbeat', report);
    await until(
      'the name is the agent’s again',
      async () => (await hostOf('pinned-1'))['hostname'] === 'from-agent',
    );
  });

  it('refuses tags that would make different series one', async () => {
    for (const name of ['tenant', 'host_id', 'device', 'mountpoint', 'core', '__name__', '1a']) {
      const answer = await admin('POST', '/api/v1/hosts', {
        ...{ hostname: 'never', tags: { [name]: 'x' } },
      });
      expect([name, answer.status]).toEqual([name, 400]);
    }
  });

  it('deletes what the host sent when asked to, ends its keys, and says both', async () => {
    await living('gone-1');
    await product.makeKey({ name: 'of gone-1', scopes: ['write'], host_id: 'gone-1' });
    const points = steady(50, { untilMs: Date.now(), forMs: minute });
    await store(storage.target, [
      { metric: cpu, hostId: 'gone-1', points },
      { metric: cpu, hostId: 'gone-1', tenant: 'other', points },
    ]);
    const count = async () => {
      const query = encodeURIComponent(`count(${cpu}{host_id="gone-1"})`);
      const { body } = await reader('GET', `/api/v1/query?query=${query}`);
      return (body['data'] as { result: unknown[] }).result.length;
    };
    await until('the samples are found', async () => (await count()) === 1);
    const { body } = await admin('DELETE', '/api/v1/hosts/gone-1?series=delete');
    expect(body).toEqual({ status: 'deleted', series: 'deleted', keys_revoked: 1 });
    await until('the samples are gone', async () => (await count()) === 0);
    const { target } = storage;
    const others = await fetch(
      `${target.baseUrl}/api/v1/query?query=${encodeURIComponent(`count(${cpu}{tenant="other"})`)}`,
      { headers: { authorization: `Basic ${btoa(`${target.username}:${target.password}`)}` } },
    );
    expect(JSON.stringify(await others.json())).toContain('"1"');
  });
});

describe('an import of hosts', () => {
  const file = [
    '\uFEFFhostname,id,ips,tags,tag.zone',
    'imp-1.example.com,imp-1,10.0.0.1;fe80::1,role=web,eu',
    '"imp-2",,,,',
    'imp-3,bad id,,,',
    'imp-4,,not-an-ip,,',
    'imp-5,imp-1,,,',
    ',imp-6,,,',
    'imp-7,,,tenant=x,',
    'imp-8,,',
  ].join('\r\n');

  it('says first what it would change, then changes the good rows or nothing, as asked', async () => {
    const dry = await csv(file, '?dry_run=true&on_error=skip');
    expect(dry.status).toBe(200);
    expect(dry.body).toMatchObject({ dry_run: true, applied: false, created: 2, changed: 0 });
    expect(dry.body.rejected.map((row: any) => [row.line, row.reason])).toEqual([
      ...[
        [4, 'bad_id'],
        [5, 'bad_ip'],
        [6, 'duplicate_id'],
      ],
      ...[
        [7, 'missing_hostname'],
        [8, 'bad_tag'],
        [9, 'wrong_columns'],
      ],
    ]);
    expect((await reader('GET', '/api/v1/hosts?search=imp-')).body['total']).toBe(0);
    const refused = await csv(file);
    expect(refused.status).toBe(400);
    expect(refused.body.error.details.rejected).toHaveLength(6);
    expect((await reader('GET', '/api/v1/hosts?search=IMP-')).body['total']).toBe(0);
    const done = await csv(file, '?on_error=skip');
    expect(done.body).toMatchObject({ applied: true, created: 2, changed: 0, unchanged: 0 });
    const hosts = listOf(await reader('GET', '/api/v1/hosts?search=imp-'), 'hosts');
    expect(hosts.map(({ id, hostname, ips, tags }) => ({ id, hostname, ips, tags }))).toEqual([
      {
        ...{ id: 'imp-1', hostname: 'imp-1.example.com', ips: ['10.0.0.1', 'fe80::1'] },
        tags: { role: 'web', zone: 'eu' },
      },
      { id: 'imp-2', hostname: 'imp-2', ips: [], tags: {} },
    ]);
    const again = await csv('hostname,id,tag.rack\nimp-1.example.com,imp-1,r7\nimp-2,,\n');
    expect(again.body).toMatchObject({ created: 0, changed: 1, unchanged: 1 });
    expect(again.body.changes[0]).toMatchObject({
      ...{ line: 2, id: 'imp-1', action: 'change' },
      before: { tags: { role: 'web', zone: 'eu' } },
      after: { tags: { role: 'web', zone: 'eu', rack: 'r7' } },
    });
  });

  it('holds up nobody who writes to the tenant meanwhile', async () => {
    const knex = databaseOf(stage, product);
    await admin('POST', '/api/v1/hosts', { hostname: 'import-held' });
    const held = await knex.transaction();
    await held('hosts').where({ id: 'import-held' }).forUpdate();
    const importing = csv('hostname,tags\nimport-held,role=held\n');
    try {
      await until('the import waits for the host', async () => {
        const { rows } = await knex.raw<{ rows: unknown[] }>(
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%from "hosts"%'`,
        );
        return rows.length > 0;
      });
      const made = await admin('POST', '/api/v1/keys', { name: 'meanwhile', scopes: ['read'] });
      expect(made.status).toBe(201);
    } finally {
      await held.rollback();
    }
    expect((await importing).status).toBe(200);
  });

  it('refuses a file that is none, and names the spot', async () => {
    for (const text of ['', 'name\nx', 'hostname,hostname\nx,y', 'hostname\n"x', 'id\nx']) {
      const { status, body } = await csv(text);
      expect([text, status, body.error.code]).toEqual([text, 400, 'BAD_REQUEST']);
    }
    const json = await admin('POST', '/api/v1/hosts/import', { hostname: 'x' });
    expect(json.status).toBe(415);
  });
});

describe('the status of a host', () => {
  it('is told from the heartbeat and the newest samples, with the reason', async () => {
    await living('calm', 'warm', 'hot', 'hot-for-20s', 'full-disk', 'nothing');
    const untilMs = Date.now();
    const lately = { untilMs, forMs: 10 * minute };
    await store(storage.target, [
      { metric: cpu, hostId: 'calm', points: steady(69.9, lately) },
      { metric: 'mem_used_pct', hostId: 'warm', points: steady(70, lately) },
      { metric: cpu, hostId: 'hot', points: steady(95.25, lately) },
      {
        ...{ metric: cpu, hostId: 'hot-for-20s' },
        points: [
          ...steady(95, { untilMs, forMs: 20_000 }),
          ...steady(10, { untilMs: untilMs - 20_000, forMs: 5 * minute }),
        ],
      },
      {
        ...{ metric: 'disk_used_pct', hostId: 'full-disk', labels: { mountpoint: '/data' } },
        points: steady(97, lately),
      },
      {
        ...{ metric: 'disk_used_pct', hostId: 'full-disk', labels: { mountpoint: '/' } },
        points: steady(20, lately),
      },
      {
        ...{ metric: 'net_tx_mbps', hostId: 'calm', labels: { device: 'eth0' } },
        points: steady(100.5, lately),
      },
      {
        ...{ metric: 'net_tx_mbps', hostId: 'calm', labels: { device: 'eth1' } },
        points: steady(20, lately),
      },
    ]);
    await until('the figures are found', async () => (await hostOf('hot'))['status'] === 'crit');
    const { body } = await reader('GET', '/api/v1/hosts?tags=set:living');
    const told = (body['hosts'] as any[])
      .filter(({ id }) => !['pinned-1'].includes(id))
      .map(({ id, status, status_reason: reason }) => [
        ...[id, status, reason?.code ?? null, reason?.metric ?? null],
      ]);
    expect(told).toEqual([
      ['calm', 'ok', null, null],
      ['full-disk', 'crit', 'above_90_percent', 'disk.used_pct'],
      ['hot', 'crit', 'above_90_percent', 'cpu.utilization'],
      ['hot-for-20s', 'warn', 'above_70_percent', 'cpu.utilization'],
      ['nothing', 'ok', null, null],
      ['warm', 'warn', 'above_70_percent', 'mem.used_pct'],
    ]);
    expect((await hostOf('calm'))['metrics_summary']).toEqual({
      ...{ cpu_pct: 69.9, mem_pct: null, gpu_pct: null, disk_pct: null },
      ...{ net_tx_mbps: 120.5, net_rx_mbps: null },
    });
    const crit = await reader('GET', '/api/v1/hosts?status=crit&tags=set:living&limit=1&offset=1');
    expect(crit.body).toMatchObject({ total: 2, limit: 1, offset: 1 });
    expect(listOf(crit, 'hosts').map(({ id }) => id)).toEqual(['hot']);
  });
});

describe('a host that was deleted', () => {
  const beatOf = (key: string, id: string) =>
    caller(product, `Bearer ${key}`)('POST', '/api/v1/ingest/heartbeat', {
      ...{ host_id: id, hostname: id },
    });
  const sampleOf = (key: string, id: string) =>
    caller(product, `Bearer ${key}`)('POST', '/api/v1/ingest/metrics', {
      host_id: id,
      metrics: [{ metric: 'cpu.utilization', ts: new Date().toISOString(), value: 7 }],
    });

  it('does not come back by what was heard of it before', async () => {
    await admin('POST', '/api/v1/hosts', { hostname: 'ghost-1' });
    expect((await sampleOf(product.writeKey, 'ghost-1')).status).toBe(200);
    const { body } = await admin('DELETE', '/api/v1/hosts/ghost-1?series=delete');
    expect(body['series']).toBe('deleted');
    // Heard of later: when that one is registered, so would be the other.
    await sampleOf(product.writeKey, 'heir-1');
    await until('what was heard is saved', async () => (await hostStatus('heir-1')) === 200);
    expect(await hostStatus('ghost-1')).toBe(404);
    await sampleOf(product.writeKey, 'ghost-1');
    await until(
      'what is heard now makes it anew',
      async () => (await hostStatus('ghost-1')) === 200,
    );
  });

  it('cannot write any more with its key from that moment on', async () => {
    await admin('POST', '/api/v1/hosts', { hostname: 'fired-1' });
    const key = await product.makeKey({ name: 'fired', scopes: ['write'], host_id: 'fired-1' });
    expect((await beatOf(key, 'fired-1')).status).toBe(200);
    expect((await admin('DELETE', '/api/v1/hosts/fired-1')).body).toMatchObject({
      keys_revoked: 1,
    });
    expect((await sampleOf(key, 'fired-1')).status).toBe(401);
  });
});

const hostStatus = async (id: string): Promise<number> =>
  (await reader('GET', `/api/v1/hosts/${id}?range=15m`)).status;

describe('what a host did', () => {
  it('answers an hour as it was sent, a day by the minute, and says so', async () => {
    await living('graph-1');
    const untilMs = Math.floor(Date.now() / 5_000) * 5_000;
    const points = Array.from(
      { length: 900 },
      (_, i): [number, number] => [...[untilMs - i * 5_000, 10 + (i % 12)]] as [number, number],
    );
    await store(storage.target, [
      { metric: cpu, hostId: 'graph-1', points },
      {
        ...{ metric: 'gpu_utilization', hostId: 'graph-1', labels: { gpu: '0', uuid: 'a' } },
        points: steady(30, { untilMs, forMs: 5 * minute }),
      },
      {
        ...{ metric: 'gpu_utilization', hostId: 'graph-1', labels: { gpu: '1', uuid: 'b' } },
        points: steady(60, { untilMs, forMs: 5 * minute }),
      },
    ]);
    const ask = (rest: string) =>
      reader('GET', `/api/v1/metrics/query?host_id=graph-1&metric=${rest}`);
    const hour = await ask('cpu.utilization&range=1h');
    expect(hour.body).toMatchObject({
      ...{ metric: 'cpu.utilization', host_id: 'graph-1', resolution: '5s', unit: '%' },
    });
    const datapoints = listOf(hour, 'datapoints') as { ts: string; value: number }[];
    // The newest one or two may lie after the last sample that was stored.
    expect(datapoints.length).toBeGreaterThanOrEqual(718);
    const truth = new Map(points.map(([at, value]) => [at, value]));
    // Nor need storage show the newest samples at once.
    const known = datapoints.filter(
      ({ ts }) => truth.has(Date.parse(ts)) && Date.parse(ts) < untilMs - 30_000,
    );
    expect(known.length).toBeGreaterThanOrEqual(700);
    for (const { ts, value } of known) expect(value).toBe(truth.get(Date.parse(ts)));
    expect(datapoints[0]?.ts).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

    const start = new Date(untilMs - 3 * 60 * minute).toISOString();
    const end = new Date(untilMs).toISOString();
    const byMinute = await ask(`cpu.utilization&start=${start}&end=${end}&aggregate=max`);
    expect(byMinute.body).toMatchObject({ resolution: '1m', aggregate: 'max' });
    expect(
      new Set(
        listOf(byMinute, 'datapoints')
          .slice(-30, -2)
          .map(({ value }) => value),
      ),
    ).toEqual(new Set([21]));
    const average = listOf(await ask('cpu.utilization&range=6h'), 'datapoints').slice(-30, -2);
    expect(new Set(average.map(({ value }) => value))).toEqual(new Set([15.5]));

    const labels = encodeURIComponent('{"gpu_index":"0"}');
    const one = listOf(await ask(`gpu.utilization&range=15m&labels=${labels}`), 'datapoints');
    expect(new Set(one.map(({ value }) => value))).toEqual(new Set([30]));
    const fullest = await ask('gpu.utilization&range=15m');
    expect(fullest.body['combined']).toBe('max');
    expect(new Set(listOf(fullest, 'datapoints').map(({ value }) => value))).toEqual(new Set([60]));

    const detail = await reader('GET', '/api/v1/hosts/graph-1?range=24h');
    expect(detail.body).toMatchObject({ range: '24h', resolution: '1m' });
    expect(Object.keys(detail.body['metrics'] as object)).toEqual(
      expect.arrayContaining(['cpu.utilization', 'mem.used_pct', 'gpu.utilization']),
    );
  });

  it('refuses what it cannot answer with the names that are near', async () => {
    const ask = (query: string) => reader('GET', `/api/v1/metrics/query?${query}`);
    const unknown = await ask('host_id=graph-1&metric=cpu.utilisation');
    expect(unknown.status).toBe(400);
    expect(unknown.body['error']).toMatchObject({
      ...{ code: 'BAD_REQUEST', details: { near: expect.arrayContaining(['cpu.utilization']) } },
    });
    expect((await ask('host_id=nobody&metric=cpu.load1')).status).toBe(404);
    for (const bad of [
      ...['range=2h', 'range=1h&start=2026-01-01T00:00:00Z', 'start=yesterday&end=today'],
      ...['labels=x', 'labels={"a":1}', 'labels={"device":"sda"}', 'labels=[]', 'nonsense=1'],
      ...['start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z', 'aggregate=p95'],
      ...['start=2020-01-02T00:00:00Z&end=2026-01-01T00:00:00Z'],
    ]) {
      const answer = await ask(`host_id=graph-1&metric=cpu.load1&${encodeURI(bad)}`);
      expect([bad, answer.status]).toEqual([bad, 400]);
    }
  });
});

describe('the cache of reads', () => {
  it('answers 304 for what has not changed, and shows a change to who made it at once', async () => {
    await living('cached-1');
    const path = '/api/v1/hosts?search=cached-1';
    const first = await reader('GET', path);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"/);
    const again = await fetch(product.url + path, {
      headers: { authorization: `Bearer ${product.readKey}`, 'if-none-match': etag },
    });
    expect(again.status).toBe(304);
    await admin('PATCH', '/api/v1/hosts/cached-1', { tags: { now: 'this' } });
    const after = await reader('GET', path);
    expect(listOf(after, 'hosts')[0]?.['tags']).toEqual({ now: 'this' });
    const metrics = await fetch(`${product.url}/metrics`, {
      headers: { authorization: `Bearer ${product.readKey}` },
    });
    expect(await metrics.text()).toMatch(
      /gaugeway_http_cache_requests_total\{result="hit"\} [1-9]/,
    );
  });
});
