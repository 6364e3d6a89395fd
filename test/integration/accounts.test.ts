import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemActor, type User } from '../../src/access/index.ts';
import type { ResetMail } from '../../src/http/index.ts';
import { createHandClock, routesOf, startAccess, startDatabase } from '../support/access.ts';
import type { TestAccess, TestDatabase } from '../support/access.ts';
import { serve, type TestServer } from '../support/http.ts';

const clock = createHandClock();
const password = 'a password of some length';
const by = systemActor('default');
const mails: ResetMail[] = [];
let database: TestDatabase;
let held: TestAccess;
/** Another process over the same database. */
let replica: TestAccess;
let server: TestServer;
let made = 0;
let logins = 0;

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  held = await startAccess(database.postgres, clock);
  replica = await startAccess(database.connect(), clock);
  const { access } = held;
  const first = { adminEmail: 'admin@example.com', adminPassword: password };
  await access.bootstrap.firstTenant(first);
  await access.tenants.create({ id: 'acme', name: 'Acme', policy: {} }, by);
  server = await serve({
    routes: routesOf(access, (message) => Promise.resolve(mails.push(message) > 0)),
    authenticate: access.authenticate,
  });
}, 60_000);
afterAll(async () => {
  await server.close();
  await replica.close();
  await held.close();
  await database.stop();
});

type Body = Record<string, any>;

async function call(as: string, method: string, path: string, body?: unknown) {
  const answer = await fetch(server.url + path, {
    method,
    headers: { authorization: as, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = /^application\/json/.test(answer.headers.get('content-type') ?? '');
  const parsed = (isJson ? JSON.parse(text) : {}) as Body;
  return { status: answer.status, headers: answer.headers, text, body: parsed };
}

async function person(role: User['role'] = 'Viewer', tenantId = 'default') {
  made += 1;
  const email = `person-${String(made)}@example.com`;
  const user = await held.access.users.create(tenantId, { email, password, role }, by);
  return { ...user, token: await login(email) };
}

/** From an address of its own: there are more logins here than one may try. */
async function login(email: string, word = password): Promise<string> {
  logins += 1;
  const outcome = await held.access.sessions.login(email, word, { ip: `192.0.2.${logins}` });
  return outcome.ok ? `Bearer ${outcome.accessToken}` : outcome.reason;
}

async function reasonAt(at: TestAccess, token: string): Promise<string> {
  const outcome = await at.access.authenticate(token);
  return outcome.ok ? 'accepted' : outcome.reason;
}

async function entries(query: string): Promise<Body[]> {
  const admin = await person('Admin');
  const { body } = await call(admin.token, 'GET', `/api/v1/audit?${query}`);
  return body['entries'] as Body[];
}

describe('the own account', () => {
  it('is shown to people, and a key has none', async () => {
    const { token, id, email } = await person('Operator');
    const { body } = await call(token, 'GET', '/api/v1/users/me');
    expect(body).toMatchObject({ id, email, role: 'Operator', tenant: 'default' });
    const { key } = await held.access.keys.create('default', { name: 'k', scopes: ['read'] }, by);
    expect((await call(`Bearer ${key}`, 'GET', '/api/v1/users/me')).status).toBe(404);
  });

  it('gets a new password from who knows the old one; the other sessions end, this one stays', async () => {
    const { token, email, id } = await person();
    const other = await login(email);
    const change = (current: string, next: string) =>
      call(token, 'POST', '/api/v1/users/me/password', {
        ...{ current_password: current, new_password: next },
      });
    expect((await change('wrong', 'another password of mine')).status).toBe(403);
    expect((await change(password, password)).status).toBe(400);
    expect((await change(password, 'short')).status).toBe(400);
    expect((await change(password, email.toUpperCase())).status).toBe(400);
    expect(await reasonAt(held, other)).toBe('accepted');
    expect((await change(password, 'another password of mine')).status).toBe(200);
    expect(await reasonAt(held, other)).toBe('revoked');
    expect(await reasonAt(held, token)).toBe('accepted');
    expect(await login(email)).toBe('bad_credentials');
    expect(await login(email, 'another password of mine')).toMatch(/^Bearer /);
    const found = (await entries(`target=user:${id}`)).map(({ action }) => action as string);
    expect(found).toEqual(expect.arrayContaining(['password_changed', 'password_change_failed']));
  });

  it('does not let its password be guessed with a session of it', async () => {
    const { token } = await person();
    const guess = { current_password: 'wrong', new_password: 'another password of mine' };
    const statuses = [];
    for (let i = 0; i < 11; i += 1) {
      statuses.push((await call(token, 'POST', '/api/v1/users/me/password', guess)).status);
    }
    expect(statuses.at(-1)).toBe(429);
    clock.advance(60_000);
  });
});

describe('a reset of a password', () => {
  it('is a token that is shown once, mailed, stored as a hash, and good for one new password', async () => {
    const admin = await person('Admin');
    const user = await person();
    const path = `/api/v1/users/${user.id}/reset-password`;
    const earlier = (await call(admin.token, 'POST', path)).body['reset_token'] as string;
    const { status, headers, body } = await call(admin.token, 'POST', path);
    const token = body['reset_token'] as string;
    expect([status, headers.get('cache-control'), body['mailed']]).toEqual([201, 'no-store', true]);
    expect(mails.at(-1)).toMatchObject({
      ...{ to: user.email, token, url: 'https://g.example/api/v1/auth/reset' },
    });
    const { rows } = await database.postgres.knex.raw<{ rows: Body[] }>(
      'select * from password_resets',
    );
    expect(JSON.stringify(rows)).not.toContain(token);
    clock.advance(60_000);
    const spend = (text: string, word: string) =>
      call('', 'POST', '/api/v1/auth/reset', { token: text, password: word });
    // Nothing has changed yet for who is signed in.
    expect(await reasonAt(held, user.token)).toBe('accepted');
    expect((await spend(earlier, 'a new password of mine')).status).toBe(401);
    expect((await spend(token, 'short')).status).toBe(400);
    const many = await Promise.all(
      Array.from({ length: 8 }, () => spend(token, 'a new password of mine')),
    );
    expect(many.filter(({ status: one }) => one === 200)).toHaveLength(1);
    expect(await reasonAt(held, user.token)).toBe('revoked');
    expect(await login(user.email, 'a new password of mine')).toMatch(/^Bearer /);
    expect((await spend(token, 'one more password of mine')).status).toBe(401);
    const found = await entries(`target=user:${user.id}`);
    expect(JSON.stringify(found)).not.toContain(token);
    expect(found.map(({ action }) => action as string)).toEqual(
      expect.arrayContaining(['password_reset_created', 'password_reset']),
    );
  });

  it('ends after an hour, with a change of the password, and is none of another tenant', async () => {
    const admin = await person('Admin');
    const user = await person();
    const stranger = await person('Admin', 'acme');
    const path = `/api/v1/users/${user.id}/reset-password`;
    expect((await call(stranger.token, 'POST', path)).status).toBe(404);
    const issue = async () => (await call(admin.token, 'POST', path)).body['reset_token'] as string;
    const spend = async (token: string) =>
      (await call('', 'POST', '/api/v1/auth/reset', { token, password: 'a new one of mine' }))
        .status;
    const changed = await issue();
    await held.access.users.update(user, { password: 'set by an administrator' }, by);
    expect(await spend(changed)).toBe(401);
    const late = await issue();
    clock.advance(3_600_000);
    expect(await spend(late)).toBe(401);
    expect(await spend(`gwp_${'x'.repeat(43)}`)).toBe(401);
  });
});

describe('sessions', () => {
  it('are listed to their owner, and each can be ended: at once here, soon on other replicas', async () => {
    const { token, email } = await person();
    clock.advance(1_000);
    const other = await login(email);
    expect(await reasonAt(replica, other)).toBe('accepted');
    const { body } = await call(token, 'GET', '/api/v1/sessions');
    const sessions = body['sessions'] as Body[];
    expect(sessions.map(({ is_current }) => is_current as boolean)).toEqual([false, true]);
    expect(sessions[0]!['ip']).toBe(`192.0.2.${logins}`);
    const path = `/api/v1/sessions/${String(sessions[0]!['id'])}`;
    expect((await call(token, 'DELETE', path)).status).toBe(204);
    expect(await reasonAt(held, other)).toBe('revoked');
    await vi.waitFor(async () => expect(await reasonAt(replica, other)).toBe('revoked'), 30_000);
    expect((await call(token, 'DELETE', path)).status).toBe(404);
    expect((await call(token, 'GET', '/api/v1/sessions')).body['total']).toBe(1);
  });

  it('of others are there for administrators of their tenant only', async () => {
    const [owner, nosy, admin] = [await person(), await person(), await person('Admin')];
    const stranger = await person('Admin', 'acme');
    const list = `/api/v1/sessions?user_id=${owner.id}`;
    expect((await call(nosy.token, 'GET', list)).status).toBe(403);
    expect((await call(stranger.token, 'GET', list)).status).toBe(404);
    const { body } = await call(admin.token, 'GET', list);
    const path = `/api/v1/sessions/${String((body['sessions'] as Body[])[0]!['id'])}`;
    expect((await call(nosy.token, 'DELETE', path)).status).toBe(404);
    expect((await call(stranger.token, 'DELETE', path)).status).toBe(404);
    expect(await reasonAt(held, owner.token)).toBe('accepted');
    expect((await call(admin.token, 'DELETE', path)).status).toBe(204);
    expect(await reasonAt(held, owner.token)).toBe('revoked');
  });

  it('lose a right, or all, in the same moment as their user', async () => {
    const { access } = held;
    const { token, ...user } = await person('Admin');
    expect((await call(token, 'GET', '/api/v1/users')).status).toBe(200);
    await access.users.update(user, { role: 'Viewer' }, by);
    expect((await call(token, 'GET', '/api/v1/users')).status).toBe(403);
    await access.users.update(user, { status: 'disabled' }, by);
    expect((await call(token, 'GET', '/api/v1/users/me')).status).toBe(401);
    const { key, id } = await access.keys.create('default', { name: 'x', scopes: ['read'] }, by);
    expect(await reasonAt(held, `Bearer ${key}`)).toBe('accepted');
    await access.keys.revoke((await access.keys.get('default', id))!, by);
    expect(await reasonAt(held, `Bearer ${key}`)).toBe('revoked');
  });
});

describe('the audit log', () => {
  it('says what was before and after, and never a password', async () => {
    const user = await person();
    const change = { role: 'Operator', password: 'set by an administrator' } as const;
    await held.access.users.update(user, change, by);
    const [row] = await entries(`target=user:${user.id}&action=user_updated`);
    expect(row!['details']).toEqual({
      ...{ email: user.email, password: 'changed' },
      before: { role: 'Viewer', status: 'active' },
      after: { role: 'Operator', status: 'active' },
    });
  });

  it('has failed logins: with the account in its tenant, without a name where there is none', async () => {
    const user = await person();
    await login(user.email, 'wrong');
    await login('my secret typed into the wrong field', 'wrong');
    await vi.waitFor(async () => {
      const rows = await entries('action=login_failed&limit=500');
      const targets = rows.map(({ target }) => target as string);
      expect(targets).toEqual(expect.arrayContaining([`user:${user.id}`, 'account:unknown']));
      expect(JSON.stringify(rows)).not.toContain('my secret');
    }, 30_000);
  });

  it('is narrowed by who, what, whom and when', async () => {
    const admin = await person('Admin');
    const body = { email: 'narrow@example.com', password, role: 'Viewer' };
    const user = (await call(admin.token, 'POST', '/api/v1/users', body)).body;
    const all = await entries(`user=${admin.id}`);
    expect(all.map(({ action }) => action as string)).toEqual(['user_created', 'login']);
    expect(await entries(`user=${encodeURIComponent(admin.email)}`)).toEqual(all);
    const [created] = all;
    expect(created).toMatchObject({ target: `user:${String(user['id'])}`, ip: '127.0.0.1' });
    expect(created!['request_id']).toMatch(/^[\w-]{8,}$/);
    const at = encodeURIComponent(String(created!['timestamp']));
    expect(await entries(`target=user:${String(user['id'])}&since=${at}`)).toEqual([created]);
    expect(await entries(`target=user:${String(user['id'])}&until=${at}`)).toEqual([]);
    const wrong = await call(admin.token, 'GET', '/api/v1/audit?since=yesterday');
    expect(wrong.status).toBe(400);
  });

  it('is taken along as CSV that no spreadsheet runs, and as JSON by line; all of it, of the own tenant', async () => {
    const admin = await person('Admin');
    const audit = { actor: { ...by, name: '=HYPERLINK("https://evil")' }, tenantId: 'default' };
    const rows = 1_203;
    for (let i = 0; i < rows; i += 1) {
      await held.access.audit.add({
        ...{ ...audit, action: 'channel_tested', target: `channel:${String(i)}` },
        atMs: clock.nowMs(),
      });
    }
    const csv = await call(admin.token, 'GET', '/api/v1/audit.csv?action=channel_tested');
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
    const lines = csv.text.trimEnd().split('\r\n');
    expect(lines).toHaveLength(rows + 1);
    expect(lines[1]).toContain(`"'=HYPERLINK(""https://evil"")"`);
    const ndjson = await call(admin.token, 'GET', '/api/v1/audit.ndjson?action=channel_tested');
    const objects = ndjson.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Body);
    expect(objects.map(({ target }) => target as string)).toEqual(
      Array.from({ length: rows }, (_, i) => `channel:${String(rows - 1 - i)}`),
    );
    const stranger = await person('Admin', 'acme');
    const theirs = await call(stranger.token, 'GET', '/api/v1/audit.ndjson?action=channel_tested');
    expect(theirs.text).toBe('');
  });
});
