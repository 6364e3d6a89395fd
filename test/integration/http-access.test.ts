import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createHosts, type Hosts } from '../../src/hosts/index.ts';
import { silentLogger } from '../../src/platform/index.ts';
import { createHostStore } from '../../src/storage/postgres/index.ts';
import { createHandClock, routesOf, startAccess, startDatabase } from '../support/access.ts';
import type { TestAccess, TestDatabase } from '../support/access.ts';
import { serve, type TestServer } from '../support/http.ts';
import { hostRoutesWithoutSamples } from '../support/hosts.ts';

const email = 'admin@example.com';
const password = 'a password of some length';
const clock = createHandClock();
let database: TestDatabase;
let held: TestAccess;
let hosts: Hosts;
let server: TestServer;
let admin: string;
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
  options: { as?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { as, body, headers = {} } = options;
  const answer = await fetch(server.url + path, {
    method,
    headers: {
      ...(as === undefined ? {} : { authorization: as }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const { status, headers: received } = answer;
  return { status, headers: received, body: text === '' ? undefined : JSON.parse(text) };
}

const login = (as = email, word = password, more = {}) =>
  call('POST', '/api/v1/auth/login', { body: { email: as, password: word, ...more } });

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  held = await startAccess(database.postgres, clock);
  const { access } = held;
  hosts = createHosts({
    ...{ store: createHostStore(database.postgres.knex), changes: held.feed },
    ...{ maxHostsOf: () => 10, clock, log: silentLogger },
  });
  await access.bootstrap.firstTenant({ adminEmail: email, adminPassword: password });
  server = await serve({
    routes: [...routesOf(access), ...hostRoutesWithoutSamples(database.postgres, hosts, clock)],
    authenticate: access.authenticate,
  });
  admin = (await login()).body.token;
  const acme = { id: 'acme', name: 'Acme', admin_email: 'a@acme.test' };
  const made = await call('POST', '/api/v1/tenants', { as: admin, body: acme });
  expect(made.status).toBe(201);
  stranger = (await login('a@acme.test', made.body.admin.password)).body.token;
}, 60_000);
afterAll(async () => {
  await server.close();
  await hosts.close();
  await held.close();
  await database.stop();
});

describe('logging in over HTTP', () => {
  it('answers as the PRP shows, and the token works as it stands', async () => {
    const { status, body } = await login();
    expect(status).toBe(200);
    expect(body).toMatchObject({ token: expect.stringMatching(/^Bearer /), role: 'Admin' });
    expect(Date.parse(body.expires_at) - clock.nowMs()).toBeLessThanOrEqual(900_000);
    expect((await call('GET', '/api/v1/users', { as: body.token })).status).toBe(200);
  });

  it('refuses with one answer for whatever is wrong', async () => {
    const wrong = await login(email, 'wrong');
    const unknown = await login('nobody@example.com', 'wrong');
    expect(wrong.status).toBe(401);
    expect(unknown.body).toEqual(wrong.body);
    expect((await login(email, '')).status).toBe(400);
  });

  it('programs refresh by JSON, once per token', async () => {
    const { refresh_token: refreshToken } = (await login()).body;
    const refresh = () =>
      call('POST', '/api/v1/auth/refresh', { body: { refresh_token: refreshToken } });
    const first = await refresh();
    expect(first.status).toBe(200);
    expect(first.body.refresh_token).not.toBe(refreshToken);
    expect((await refresh()).status).toBe(401);
  });

  it('browsers refresh by a cookie that no script and no other site can use', async () => {
    clock.advance(60_000);
    const { headers, body } = await login(email, password, { use_cookie: true });
    expect(body).not.toHaveProperty('refresh_token');
    const cookie = headers.get('set-cookie')!;
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    expect(cookie).toMatch(/Path=\/api\/v1\/auth/);
    const sent = { cookie: cookie.split(';')[0]! };
    const foreign = { ...sent, origin: 'https://evil.example' };
    expect((await call('POST', '/api/v1/auth/refresh', { headers: foreign })).status).toBe(403);
    const own = { ...sent, origin: server.url };
    const refreshed = await call('POST', '/api/v1/auth/refresh', { headers: own });
    expect(refreshed.status).toBe(200);
    expect(refreshed.headers.get('set-cookie')).toMatch(/HttpOnly/);
    expect(refreshed.body).not.toHaveProperty('refresh_token');
  });

  it('logout ends the token', async () => {
    clock.advance(60_000);
    const { token } = (await login()).body;
    expect((await call('POST', '/api/v1/auth/logout', { as: token })).body).toEqual({
      status: 'ok',
    });
    await vi.waitFor(async () =>
      expect((await call('GET', '/api/v1/users', { as: token })).status).toBe(401),
    );
  });

  it('is throttled with Retry-After', async () => {
    clock.advance(60_000);
    const answers: Answer[] = [];
    for (let i = 0; i < 11; i += 1) answers.push(await login('t@example.com', 'wrong'));
    const last = answers.at(-1)!;
    expect(last.status).toBe(429);
    expect(last.body.error.code).toBe('RATE_LIMIT_EXCEEDED');
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    clock.advance(60_000);
  });
});

describe('keys over HTTP', () => {
  it('are shown once, listed without secret, rotated and revoked', async () => {
    const wanted = { name: 'prometheus', scopes: ['write', 'write'], whitelist_mode: 'drop' };
    const made = await call('POST', '/api/v1/keys', { as: admin, body: wanted });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    const { id, key } = made.body;
    const list = await call('GET', '/api/v1/keys?limit=1', { as: admin });
    expect(list.body).toMatchObject({ limit: 1, offset: 0, total: 1 });
    expect(list.body.keys[0]).toMatchObject({ id, scopes: ['write'], last_used_at: null });
    expect(JSON.stringify(list.body)).not.toContain(key.slice(17));
    const rotated = await call('POST', `/api/v1/keys/${id}/rotate`, { as: admin });
    expect(rotated.status).toBe(201);
    const path = `/api/v1/keys/${rotated.body.id}`;
    expect((await call('GET', path, { as: admin })).body).toMatchObject({ rotated_from: id });
    expect((await call('DELETE', path, { as: admin })).status).toBe(204);
    await vi.waitFor(async () =>
      expect(await held.access.authenticate(`Bearer ${rotated.body.key}`)).toEqual({
        ...{ ok: false, reason: 'revoked' },
      }),
    );
  });

  it.each([
    { name: '', scopes: ['read'] },
    { name: 'x', scopes: [] },
    { name: 'x', scopes: ['root'] },
    { name: 'x', scopes: ['read'], tenant: 'acme' },
    { name: 'x', scopes: ['read'], expires_at: '2001-01-01T00:00:00Z' },
    { name: 'x', scopes: ['read'], expires_at: 'tomorrow' },
    { name: 'x', scopes: ['read'], host_id: 'h1' },
  ])('%j is refused with the field that is wrong', async (body) => {
    const answer = await call('POST', '/api/v1/keys', { as: admin, body });
    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('BAD_REQUEST');
  });
});

describe('another tenant', () => {
  it('finds nothing by id, sees nothing in lists, and manages no tenants', async () => {
    const body = { email: 'v@example.com', password, role: 'Viewer' };
    const user = (await call('POST', '/api/v1/users', { as: admin, body })).body;
    const key = (
      await call('POST', '/api/v1/keys', { as: admin, body: { name: 'k', scopes: ['read'] } })
    ).body;
    hosts.seen('default', 'h1', 1_000);
    await hosts.flush();
    const attempts: [string, string, unknown?][] = [
      ['GET', `/api/v1/users/${user.id}`],
      ['PATCH', `/api/v1/users/${user.id}`, { role: 'Admin' }],
      ['DELETE', `/api/v1/users/${user.id}`],
      ['GET', `/api/v1/keys/${key.id}`],
      ['DELETE', `/api/v1/keys/${key.id}`],
      ['POST', `/api/v1/keys/${key.id}/rotate`],
      ['GET', '/api/v1/hosts/h1'],
    ];
    for (const [method, path, sent] of attempts) {
      const answer = await call(method, path, { as: stranger, body: sent });
      expect([method, path, answer.status]).toEqual([method, path, 404]);
    }
    expect((await call('GET', `/api/v1/users/${user.id}`, { as: admin })).body.role).toBe('Viewer');
    expect((await call('GET', '/api/v1/users', { as: stranger })).body.total).toBe(1);
    expect((await call('GET', '/api/v1/keys', { as: stranger })).body.total).toBe(0);
    expect((await call('GET', '/api/v1/hosts', { as: stranger })).body.total).toBe(0);
    expect((await call('GET', '/api/v1/hosts', { as: admin })).body.hosts).toMatchObject([
      { id: 'h1' },
    ]);
    const audit = await call('GET', '/api/v1/audit?limit=500', { as: stranger });
    expect(new Set(audit.body.entries.map((entry: any) => entry.action))).toEqual(
      new Set(['tenant_created', 'user_created', 'login']),
    );
    expect((await call('GET', '/api/v1/tenants', { as: stranger })).status).toBe(403);
    const patch = { as: stranger, body: { policy: { samples_per_second: 1 } } };
    expect((await call('PATCH', '/api/v1/tenants/acme', patch)).status).toBe(403);
  });
});

describe('what an administrator does', () => {
  it('is in the audit log with who, what, when and from where', async () => {
    const { body } = await call('GET', '/api/v1/audit', { as: admin });
    const entry = body.entries.find(({ action }: any) => action === 'key_created');
    expect(entry).toMatchObject({
      ...{
        actor: { kind: 'user', name: email },
        ip: '127.0.0.1',
        target: expect.stringMatching(/^key:/),
      },
      ...{ user_id: expect.any(String), timestamp: expect.any(String) },
      request_id: expect.any(String),
    });
  });

  it('limits a tenant, within a schema', async () => {
    const path = '/api/v1/tenants/acme';
    const policy = { samples_per_second: 7, timestamp_past_seconds: 86_400 };
    expect((await call('PATCH', path, { as: admin, body: { policy } })).body.policy).toEqual(
      policy,
    );
    expect(held.access.tenants.policyOf('acme')).toMatchObject({
      ...{ samplesPerSecond: 7, timestampPastMs: 86_400_000, burstSamples: 10_000 },
    });
    const wrong = { policy: { samples_per_second: -1 } };
    expect((await call('PATCH', path, { as: admin, body: wrong })).status).toBe(400);
    expect((await call('PATCH', '/api/v1/tenants/none', { as: admin, body: {} })).status).toBe(404);
  });

  it.each(['limit=0', 'limit=501', 'limit=x', 'offset=-1', 'limit=1&limit=2'])(
    'a list with %s is refused',
    async (query) => {
      expect((await call('GET', `/api/v1/users?${query}`, { as: admin })).status).toBe(400);
    },
  );
});
