import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemActor } from '../../src/access/index.ts';
import { createTestAgents, type TestAgents } from '../support/agents.ts';
import { createHandClock, startAccess, startDatabase } from '../support/access.ts';
import type { TestAccess, TestDatabase } from '../support/access.ts';
import { serve, type TestServer } from '../support/http.ts';

const clock = createHandClock();
const maxHosts = 40;
let database: TestDatabase;
let held: TestAccess;
let rooms: TestAgents;
let server: TestServer;
let admin: string;
/** Writes for any host. */
let wide: string;

interface Answer {
  status: number;
  headers: Headers;
  body: any;
}

async function call(method: string, path: string, as: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const { status, headers } = answer;
  return { status, headers, body: text === '' ? undefined : JSON.parse(text) };
}

let machines = 0;
function machine<M extends object>(more?: M) {
  machines += 1;
  const fingerprint = createHash('sha256').update(`machine ${machines}`).digest('hex');
  return {
    ...{ hostname: `web-${machines}`, machine: fingerprint, boot_id: `boot-${machines}` },
    ...{ os: 'linux', arch: 'x64', agent_version: '1.0.0', ...(more as M) },
  };
}
const makeToken = (more: Record<string, unknown> = {}) =>
  call('POST', '/api/v1/agents/tokens', admin, more);
const token = async (more: Record<string, unknown> = {}) => {
  const { status, body } = await makeToken(more);
  expect(status).toBe(201);
  return body as { id: string; token: string };
};
const usesOf = async (id: string): Promise<number> => {
  const { body } = await call('GET', '/api/v1/agents/tokens?limit=500', admin);
  return body.tokens.find((one: { id: string }) => one.id === id).uses;
};
const enrol = (secret: string, facts: unknown) =>
  call('POST', '/api/v1/agents/enroll', secret, facts);
const beat = (key: string, hostId: string, more: Record<string, unknown> = {}) =>
  call('POST', '/api/v1/ingest/heartbeat', key, {
    ...{ host_id: hostId, key_source: 'state_dir', ...more },
  });
const reasonOf = ({ status, body }: Answer) => [status, body?.error?.details?.reason];

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  held = await startAccess(database.postgres, clock);
  const { access } = held;
  rooms = createTestAgents(database.postgres, held, { clock, maxHosts });
  await rooms.hosts.start();
  await rooms.agents.start();
  await access.bootstrap.firstTenant({ adminEmail: 'a@x.test', adminPassword: 'a long password' });
  const key = async (scope: 'admin' | 'write') => {
    const wanted = { name: scope, scopes: [scope] };
    return (await access.keys.create('default', wanted, systemActor('default'))).key;
  };
  [admin, wide] = [await key('admin'), await key('write')];
  server = await serve({ routes: rooms.routes, authenticate: access.authenticate });
}, 60_000);
afterEach(() => clock.advance(3_600_000));
afterAll(async () => {
  await server.close();
  await rooms.hosts.close();
  await held.close();
  await database.stop();
});

describe('two machines that want one name at the same moment', () => {
  it('do not both get it, and only the one that does uses the token', async () => {
    const { id, token: secret } = await token({ max_uses: 8 });
    const tries = await Promise.all(
      Array.from({ length: 8 }, () => enrol(secret, machine({ host_id: 'contested' }))),
    );
    const statuses = tries.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array<number>(7).fill(409)]);
    expect(await usesOf(id)).toBe(1);
  });
});

describe('a machine that asks twice at the same moment', () => {
  it('uses the token once', async () => {
    const { id, token: secret } = await token();
    const facts = machine();
    const tries = await Promise.all([1, 2, 3].map(() => enrol(secret, facts)));
    expect(tries.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(await usesOf(id)).toBe(1);
  });
});

describe('a host given to another machine by a token of its own', () => {
  it('stays with that one while the machine before it still talks', async () => {
    const before = machine({ host_id: 'moved' });
    const { body: old } = await enrol((await token()).token, before);
    expect((await beat(old.key, 'moved', { boot_id: before.boot_id })).status).toBe(200);
    const after = machine({ uptime_seconds: 90_000 });
    const { body: fresh } = await enrol((await token({ host_id: 'moved' })).token, after);
    const refused = await beat(old.key, 'moved', { boot_id: before.boot_id });
    expect(reasonOf(refused)).toEqual([403, 'cloned_machine']);
    expect((await beat(fresh.key, 'moved', { boot_id: after.boot_id })).status).toBe(200);
  });
});

describe('a second machine that was approved', () => {
  it('may enrol and go on though the first one speaks in between', async () => {
    const first = machine({ uptime_seconds: 500 });
    const { body: given } = await enrol((await token()).token, first);
    const hostId = given.host_id as string;
    const second = { ...first, boot_id: 'copied', uptime_seconds: 400 };
    const says = (key: string, { boot_id, uptime_seconds }: typeof first) =>
      beat(key, hostId, { boot_id, uptime_seconds });
    expect((await says(given.key, first)).status).toBe(200);
    expect((await enrol((await token()).token, second)).status).toBe(409);
    expect((await call('POST', `/api/v1/agents/${hostId}/approve`, admin)).status).toBe(204);
    await says(given.key, first);
    const approved = await enrol((await token()).token, second);
    expect(approved.status).toBe(201);
    expect(reasonOf(await says(given.key, first))).toEqual([403, 'cloned_machine']);
    expect((await says(approved.body.key, second)).status).toBe(200);
  });
});

describe('a machine that could not tell its boot when it enrolled', () => {
  it('is no second machine when it can', async () => {
    const facts = machine({ boot_id: '' });
    const { body } = await enrol((await token()).token, facts);
    expect((await beat(body.key, body.host_id)).status).toBe(200);
    const told = { boot_id: 'told', uptime_seconds: 9_000 };
    expect((await beat(body.key, body.host_id, told)).status).toBe(200);
  });
});

describe('a key that is rotated while heartbeats cross', () => {
  it('has one successor, which ends the old key', async () => {
    const { body } = await enrol((await token()).token, machine());
    const { key, host_id: hostId } = body;
    await beat(key, hostId);
    await call('POST', `/api/v1/agents/${hostId}/rotate-key`, admin);
    const answers = await Promise.all([1, 2, 3, 4].map(() => beat(key, hostId)));
    const offered = answers.flatMap(({ headers }) => headers.get('x-agent-next-key') ?? []);
    expect(offered).toHaveLength(1);
    expect((await beat(offered[0] ?? '', hostId)).status).toBe(200);
    const good = await database.postgres
      .knex('api_keys')
      .where({ host_id: hostId, revoked_at: null });
    expect(good).toHaveLength(1);
  });
});

describe('text that Postgres does not hold', () => {
  const lone = 'x\ud800';

  it('is refused in tokens, reports and paths, never with 5xx', async () => {
    expect((await makeToken({ name: lone })).status).toBe(400);
    expect((await makeToken({ tags: { zone: lone } })).status).toBe(400);
    const { token: secret } = await token();
    expect((await enrol(secret, machine({ hostname: lone }))).status).toBe(400);
    for (const hostId of ['a\0b', lone]) expect((await beat(wide, hostId)).status).toBe(400);
    for (const said of ['a\0b', lone]) {
      expect((await beat(wide, 'odd', { last_error: said })).status).toBe(400);
      expect((await beat(wide, 'odd', { [said]: 1 })).status).toBe(400);
    }
    for (const named of ['\\u0000', '\\ud800', '\\\\u0000']) {
      expect((await beat(wide, 'odd', { top_processes: [named] })).status).toBe(200);
    }
    for (const path of ['', '/config']) {
      expect((await call('GET', `/api/v1/agents/%00${path}`, admin)).status).toBeLessThan(500);
    }
    expect((await call('PUT', '/api/v1/agents/%00/config', admin, {})).status).toBe(404);
    expect((await call('DELETE', '/api/v1/agents/%00/config', admin)).status).toBe(404);
    for (const order of ['rotate-key', 'approve']) {
      expect((await call('POST', `/api/v1/agents/%00/${order}`, admin)).status).toBe(404);
    }
    expect((await call('GET', '/api/v1/hosts/%00', admin)).status).toBe(404);
  });
});

describe('a host id that Postgres does not hold', () => {
  it('does not keep the signs of life of other hosts from being saved', async () => {
    rooms.hosts.seen('default', 'a\0b', clock.nowMs());
    rooms.hosts.seen('default', 'good', clock.nowMs());
    await rooms.hosts.flush();
    expect((await call('GET', '/api/v1/hosts/good', admin)).status).toBe(200);
  });
});

describe('a tenant that is full', () => {
  it('refuses a machine without using its token up', async () => {
    const { id, token: secret } = await token({ max_uses: 100 });
    let answer = await enrol(secret, machine());
    for (let i = 0; answer.status === 201 && i <= maxHosts; i += 1) {
      answer = await enrol(secret, machine());
    }
    const uses = await usesOf(id);
    expect(reasonOf(answer)).toEqual([403, 'too_many_hosts']);
    expect(reasonOf(await enrol(secret, machine()))).toEqual([403, 'too_many_hosts']);
    expect(await usesOf(id)).toBe(uses);
  });
});
