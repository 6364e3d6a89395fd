import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemActor } from '../../src/access/index.ts';
import { createTestAgents, type TestAgents } from '../support/agents.ts';
import { createHandClock, startAccess, startDatabase } from '../support/access.ts';
import type { TestAccess, TestDatabase } from '../support/access.ts';
import { serve, type TestServer } from '../support/http.ts';

const clock = createHandClock();
let database: TestDatabase;
let held: TestAccess;
let rooms: TestAgents;
let server: TestServer;
let admin: string;
let reader: string;
/** The administrator of another tenant. */
let stranger: string;

interface Answer {
  status: number;
  headers: Headers;
  body: any;
}

async function call(
  method: string,
  path: string,
  as: string | undefined,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(server.url + path, {
    method,
    headers: {
      ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const { status } = answer;
  return { status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

const hex = (text: string): string => createHash('sha256').update(text).digest('hex');
let machines = 0;

/** A machine nobody has seen. */
function machine(more: Record<string, unknown> = {}) {
  machines += 1;
  return {
    ...{ hostname: `web-${machines}`, machine: hex(`machine ${machines}`) },
    ...{ boot_id: `boot-${machines}`, os: 'linux', arch: 'x64', agent_version: '1.0.0' },
    ...more,
  };
}

const token = async (more: Record<string, unknown> = {}, as = admin): Promise<Answer['body']> => {
  const made = await call('POST', '/api/v1/agents/tokens', as, more);
  expect(made.status).toBe(201);
  return made.body;
};
const enrol = (secret: string, facts: unknown): Promise<Answer> =>
  call('POST', '/api/v1/agents/enroll', secret, facts);
const beat = (key: string, hostId: string, more: Record<string, unknown> = {}) =>
  call('POST', '/api/v1/ingest/heartbeat', key, {
    host_id: hostId,
    key_source: 'state_dir',
    ...more,
  });
const one = (hostId: string) => call('GET', `/api/v1/agents/${hostId}`, reader);

async function enrolled(more: Record<string, unknown> = {}) {
  const facts = machine(more);
  const { status, body } = await enrol((await token()).token, facts);
  expect(status).toBe(201);
  return { facts, hostId: body.host_id as string, key: body.key as string };
}

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  held = await startAccess(database.postgres, clock);
  const { access } = held;
  rooms = createTestAgents(database.postgres, held, { clock });
  await rooms.hosts.start();
  await rooms.agents.start();
  const by = systemActor('default');
  await access.bootstrap.firstTenant({ adminEmail: 'a@x.test', adminPassword: 'a long password' });
  await access.tenants.create({ id: 'acme', name: 'Acme', policy: {} }, by);
  const key = async (tenantId: string, scope: 'admin' | 'read') =>
    (await access.keys.create(tenantId, { name: scope, scopes: [scope] }, by)).key;
  [admin, reader, stranger] = (await Promise.all([
    ...[key('default', 'admin'), key('default', 'read'), key('acme', 'admin')],
  ])) as [string, string, string];
  server = await serve({ routes: rooms.routes, authenticate: access.authenticate });
}, 60_000);
afterEach(() => clock.advance(3_600_000));
afterAll(async () => {
  await server.close();
  await rooms.hosts.close();
  await held.close();
  await database.stop();
});

describe('an enrolment token', () => {
  it('is shown once with the line to paste, and nowhere else', async () => {
    const made = await token({ name: 'rack 4', ttl_seconds: 60, max_uses: 2, tags: { zone: 'b' } });
    expect(made).toMatchObject({ token: expect.stringMatching(/^enr_/), max_uses: 2 });
    expect(made.install).toBe(
      `curl -fsSL https://gaugeway.example/install.sh | sh -s -- --token ${made.token}`,
    );
    const listed = await call('GET', '/api/v1/agents/tokens', admin);
    expect(listed.body.tokens[0]).toMatchObject({ id: made.id, name: 'rack 4', uses: 0 });
    const secret = made.token.slice(17);
    const audit = await call('GET', '/api/v1/audit', admin);
    expect(JSON.stringify([listed.body, audit.body])).not.toContain(secret);
    const rows: unknown = await database.postgres.knex('agent_tokens');
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  it('gives a machine a host with its tags, a key for that host, and the configuration', async () => {
    const { token: secret } = await token({ tags: { role: 'web', zone: 'b' } });
    const facts = machine();
    const { status, body, headers } = await enrol(secret, facts);
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ host_id: expect.stringMatching(/^h-[0-9a-f]{16}$/) });
    expect(body.config).toMatchObject({ version: expect.any(String) });
    const host = await call('GET', `/api/v1/hosts/${body.host_id}`, reader);
    expect(host.body.host).toMatchObject({
      hostname: facts.hostname,
      tags: { role: 'web', zone: 'b' },
    });
    expect((await beat(body.key, body.host_id)).status).toBe(200);
    expect((await beat(body.key, 'another')).status).toBe(403);
    expect((await call('GET', '/api/v1/hosts', body.key)).status).toBe(403);
    expect((await one(body.host_id)).body).toMatchObject({ status: 'ok', os: 'linux' });
  });

  it('is refused with the reason when it is none, expired, revoked or used up', async () => {
    const reasonOf = async (secret: string) => {
      const { status, body } = await enrol(secret, machine());
      return [status, body.error.details.reason];
    };
    expect(await reasonOf('nonsense')).toEqual([401, 'malformed']);
    expect(await reasonOf(`enr_${'a'.repeat(12)}_${'b'.repeat(43)}`)).toEqual([401, 'unknown']);
    expect(await reasonOf(admin)).toEqual([401, 'malformed']);
    const gone = await token();
    expect((await call('DELETE', `/api/v1/agents/tokens/${gone.id}`, admin)).status).toBe(204);
    expect(await reasonOf(gone.token)).toEqual([401, 'revoked']);
    const once = await token();
    expect((await enrol(once.token, machine())).status).toBe(201);
    expect(await reasonOf(once.token)).toEqual([403, 'no_uses_left']);
    const short = await token({ ttl_seconds: 1 });
    clock.advance(1_001);
    expect(await reasonOf(short.token)).toEqual([401, 'expired']);
    expect((await call('POST', '/api/v1/agents/enroll', undefined, machine())).status).toBe(401);
  });

  it('has exactly as many uses as it was given when many come at once', async () => {
    const { token: secret } = await token({ max_uses: 3 });
    const tries = await Promise.all(Array.from({ length: 8 }, () => enrol(secret, machine())));
    const statuses = tries.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, 201, 201, 403, 403, 403, 403, 403]);
  });

  it('that is guessed at is answered 429 after some tries, a good one from there is not in the way', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i += 1) statuses.push((await enrol('enr_x', machine())).status);
    expect(statuses.slice(0, 9)).toEqual(Array<number>(9).fill(401));
    expect(statuses.at(-1)).toBe(429);
    clock.advance(60_000);
    const { token: secret } = await token({ max_uses: 30 });
    for (let i = 0; i < 30; i += 1) expect((await enrol(secret, machine())).status).toBe(201);
  });

  it('of another tenant is not seen, and its machine is another host', async () => {
    const theirs = await token({}, stranger);
    expect((await call('DELETE', `/api/v1/agents/tokens/${theirs.id}`, admin)).status).toBe(404);
    const { facts, hostId } = await enrolled();
    const { body } = await enrol(theirs.token, facts);
    expect(body.host_id).toMatch(/^h-/);
    expect((await beat(body.key, body.host_id)).status).toBe(200);
    expect((await call('GET', '/api/v1/agents?limit=500', stranger)).body.total).toBe(1);
    expect((await one(hostId)).body.status).toBe('never');
    await database.postgres.knex('agents').where({ tenant_id: 'acme' }).delete();
    expect((await call('GET', `/api/v1/agents/${body.host_id}`, stranger)).status).toBe(404);
  });
});

describe('a machine that enrols again', () => {
  it('keeps its host, and its old key works until the new one is seen', async () => {
    const { facts, hostId, key } = await enrolled();
    expect((await beat(key, hostId)).status).toBe(200);
    const again = await enrol((await token()).token, facts);
    expect(again).toMatchObject({ status: 201, body: { host_id: hostId } });
    expect((await beat(key, hostId)).status).toBe(200);
    expect((await beat(again.body.key, hostId)).status).toBe(200);
    await vi.waitFor(async () => expect((await beat(key, hostId)).status).toBe(401));
    expect((await beat(again.body.key, hostId)).status).toBe(200);
  });

  it('with the same token takes no second use, so that a lost answer costs nothing', async () => {
    const { token: secret } = await token();
    const facts = machine();
    const first = await enrol(secret, facts);
    const second = await enrol(secret, facts);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.host_id).toBe(first.body.host_id);
  });

  it('gets the name it asks for where that is free, not that of another host', async () => {
    const wanted = machine({ host_id: 'db-1' });
    expect((await enrol((await token()).token, wanted)).body.host_id).toBe('db-1');
    const thief = machine({ host_id: 'db-1' });
    const refused = await enrol((await token()).token, thief);
    expect(refused).toMatchObject({
      ...{ status: 409, body: { error: { details: { reason: 'host_id_taken' } } } },
    });
    const bound = await token({ host_id: 'db-1' });
    expect((await enrol(bound.token, thief)).body.host_id).toBe('db-1');
    expect((await enrol(bound.token, wanted)).status).not.toBe(201);
  });
});

describe('a machine that is copied', () => {
  const uptime = (uptimeSeconds: number) => ({ uptime_seconds: uptimeSeconds });

  it('is refused at heartbeat and enrolment until an administrator lets it take over', async () => {
    const { facts, hostId, key } = await enrolled();
    const first = { hostname: facts.hostname, boot_id: facts.boot_id, ...uptime(500) };
    const second = { boot_id: 'another-boot', ...uptime(400) };
    expect((await beat(key, hostId, first)).status).toBe(200);
    const refused = await beat(key, hostId, { ...second, hostname: 'the-copy' });
    expect(refused).toMatchObject({
      ...{ status: 403, body: { error: { details: { reason: 'cloned_machine' } } } },
    });
    expect((await one(hostId)).body).toMatchObject({ status: 'clone', hostname: facts.hostname });
    const again = await enrol((await token()).token, { ...facts, ...second });
    expect(again).toMatchObject({
      ...{ status: 409, body: { error: { details: { reason: 'cloned_machine' } } } },
    });
    expect((await beat(key, hostId, first)).status).toBe(200);
    expect((await call('POST', `/api/v1/agents/${hostId}/approve`, admin)).status).toBe(204);
    expect((await beat(key, hostId, second)).status).toBe(200);
    expect((await beat(key, hostId, first)).status).toBe(403);
  });

  it('is told from one that rebooted', async () => {
    const { facts, hostId, key } = await enrolled();
    expect((await beat(key, hostId, { boot_id: facts.boot_id, ...uptime(500) })).status).toBe(200);
    clock.advance(30_000);
    expect((await beat(key, hostId, { boot_id: 'after', ...uptime(5) })).status).toBe(200);
    expect((await one(hostId)).body).toMatchObject({ status: 'ok', clone: null });
    clock.advance(121_000);
    expect((await beat(key, hostId, { boot_id: 'moved', ...uptime(9_000) })).status).toBe(200);
  });
});

describe('the configuration of agents', () => {
  const put = (path: string, settings: unknown, as = admin) =>
    call('PUT', `/api/v1/agents/${path}config`, as, settings);
  const own = (key: string, headers = {}) =>
    call('GET', '/api/v1/agents/self/config', key, undefined, headers);

  it("is the tenant's with the host's over it, and its version changes with every change", async () => {
    const { hostId, key } = await enrolled();
    const versions = new Set<string>();
    const seen = async () => {
      const { body, headers } = await own(key);
      expect(headers.get('etag')).toBe(`"${body.version}"`);
      versions.add(body.version);
      return body;
    };
    await put('', { interval_seconds: 10, top_n: 5 });
    expect(await seen()).toMatchObject({ interval_seconds: 10, top_n: 5 });
    await put(`${hostId}/`, { top_n: 3, profile: 'lean', gpu: false });
    expect(await seen()).toMatchObject({ interval_seconds: 10, top_n: 3, profile: 'lean' });
    await put('', {});
    expect(await seen()).not.toHaveProperty('interval_seconds');
    const beaten = await beat(key, hostId);
    expect(beaten.body.config).toMatchObject({ top_n: 3, gpu: false });
    expect(beaten.headers.get('x-agent-config')).toBe(beaten.body.config.version);
    const path = `/api/v1/agents/${hostId}/config`;
    expect((await call('GET', path, reader)).body).toMatchObject({
      ...{ effective: { top_n: 3 }, override: { top_n: 3, profile: 'lean', gpu: false } },
    });
    expect((await call('DELETE', path, admin)).status).toBe(204);
    expect((await call('DELETE', path, admin)).status).toBe(404);
    expect(await seen()).not.toHaveProperty('top_n');
    await put(`${hostId}/`, { top_n: 4 });
    await seen();
    expect(versions.size).toBe(5);
  });

  it('is answered with 304 to who has it, and with 400 to a key that names no host', async () => {
    const { key } = await enrolled();
    const { headers } = await own(key);
    const tag = headers.get('etag') ?? '';
    expect((await own(key, { 'if-none-match': tag })).status).toBe(304);
    const wide = await held.access.keys.create(
      'default',
      { name: 'wide', scopes: ['write'] },
      systemActor('default'),
    );
    expect((await own(wide.key)).status).toBe(400);
  });

  it('reaches the memory of another process', async () => {
    const { hostId } = await enrolled();
    const other = await startAccess(database.connect(), clock);
    const there = createTestAgents(database.postgres, other, { clock });
    await there.agents.start();
    await put(`${hostId}/`, { interval_seconds: 7 });
    await vi.waitFor(() =>
      expect(there.agents.configs.of('default', hostId).settings).toEqual({ interval_seconds: 7 }),
    );
    await other.close();
  });

  it('of another tenant is neither seen nor changed', async () => {
    const { hostId, key } = await enrolled();
    await put('', { interval_seconds: 30 }, stranger);
    expect((await own(key)).body.interval_seconds).not.toBe(30);
    expect((await put(`${hostId}/`, { top_n: 1 }, stranger)).status).toBe(404);
    for (const action of ['rotate-key', 'approve']) {
      const { status } = await call('POST', `/api/v1/agents/${hostId}/${action}`, stranger);
      expect(status).toBe(404);
    }
    expect((await call('GET', `/api/v1/agents/${hostId}`, stranger)).status).toBe(404);
  });

  it('refuses anything else with 4xx, never 5xx', async () => {
    const { hostId } = await enrolled();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (settings) => {
        const { status } = await put(`${hostId}/`, settings);
        expect(status === 200 || (status >= 400 && status < 500), String(status)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a key that is rotated', () => {
  const rotate = (hostId: string) => call('POST', `/api/v1/agents/${hostId}/rotate-key`, admin);
  const nextKey = (answer: Answer) => answer.headers.get('x-agent-next-key');

  it('comes with the next heartbeat, and the old one ends when the new one is seen', async () => {
    const { hostId, key } = await enrolled();
    await beat(key, hostId);
    expect(nextKey(await beat(key, hostId))).toBeNull();
    expect((await rotate(hostId)).status).toBe(202);
    expect((await one(hostId)).body.key_rotation).toBe('pending');
    const fresh = nextKey(await beat(key, hostId)) ?? '';
    expect(fresh).toMatch(/^gwk_/);
    expect(nextKey(await beat(key, hostId))).toBeNull();
    expect((await beat(fresh, hostId)).status).toBe(200);
    await vi.waitFor(async () => expect((await beat(key, hostId)).status).toBe(401));
    expect((await one(hostId)).body.key_rotation).toBe('none');
    const rows: unknown = await database.postgres.knex('api_keys');
    expect(JSON.stringify(rows)).not.toContain(fresh.slice(17));
  });

  it('is made anew where it was lost on the way, and the lost one ends', async () => {
    const { hostId, key } = await enrolled();
    await beat(key, hostId);
    await rotate(hostId);
    const lost = nextKey(await beat(key, hostId)) ?? '';
    clock.advance(301_000);
    const fresh = nextKey(await beat(key, hostId)) ?? '';
    expect(fresh).not.toBe(lost);
    await vi.waitFor(async () => expect((await beat(lost, hostId)).status).toBe(401));
    expect((await beat(fresh, hostId)).status).toBe(200);
  });

  it('is not offered to an agent whose key is in its options, and never where none was enrolled', async () => {
    const { hostId, key } = await enrolled();
    await rotate(hostId);
    expect(nextKey(await beat(key, hostId, { key_source: 'configured' }))).toBeNull();
    expect(nextKey(await beat(key, hostId))).toMatch(/^gwk_/);
    const made = await held.access.keys.create(
      'default',
      { name: 'by hand', scopes: ['write'], hostId: 'by-hand' },
      systemActor('default'),
    );
    await beat(made.key, 'by-hand');
    expect((await rotate('by-hand')).status).toBe(409);
  });
});

describe('the overview', () => {
  it('tells how each agent is, by status and page', async () => {
    await database.postgres.knex('agents').delete();
    const [talks, silent, never] = await Promise.all([enrolled(), enrolled(), enrolled()]);
    await beat(silent.key, silent.hostId, { last_error: 'x', spool: { bytes: 7 }, self: 'odd' });
    clock.advance(121_000);
    await beat(talks.key, talks.hostId, { self: { rss_bytes: 6e7, cpu_ratio: 0.001 } });
    const list = async (query: string) =>
      (await call('GET', `/api/v1/agents?${query}`, reader)).body;
    for (const [status, { hostId }] of Object.entries({ ok: talks, silent, never })) {
      const body = await list(`status=${status}`);
      expect(body).toMatchObject({ total: 1, agents: [{ host_id: hostId, status }] });
    }
    expect((await one(talks.hostId)).body.cost).toMatchObject({ within_budget: false });
    expect((await one(silent.hostId)).body).toMatchObject({
      ...{ last_error: 'x', buffer: { bytes: 7 }, cost: { rss_bytes: null, within_budget: null } },
    });
    const pages = [await list('limit=2'), await list('limit=2&offset=2'), await list('offset=9')];
    expect(pages.map(({ total }) => total)).toEqual([3, 3, 3]);
    expect(pages.map(({ agents }) => agents.length)).toEqual([2, 1, 0]);
    expect((await call('GET', '/api/v1/agents?status=dead', reader)).status).toBe(400);
    expect((await one('no-such')).status).toBe(404);
  });
});

describe('enrolment with any input', () => {
  it('answers with 201 or 4xx, never 5xx', async () => {
    const { token: secret } = await token({ max_uses: 10_000 });
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          hostname: fc.oneof(fc.string(), fc.constant('web\u0000')),
          machine: fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{64}$/)),
          ...{ boot_id: fc.string(), os: fc.string(), arch: fc.string(), host_id: fc.string() },
          ...{ agent_version: fc.string(), uptime_seconds: fc.double() },
        },
        { requiredKeys: [] },
      ),
    );
    await fc.assert(
      fc.asyncProperty(body, async (given) => {
        const { status } = await enrol(secret, given);
        expect(status === 201 || (status >= 400 && status < 500), String(status)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
