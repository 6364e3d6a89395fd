import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Authentication, Principal, User } from '../../src/access/index.ts';
import { systemActor } from '../../src/access/index.ts';
import {
  createHandClock,
  startAccess,
  startDatabase,
  type TestAccess,
  type TestDatabase,
} from '../support/access.ts';

const email = 'admin@example.com';
const password = 'correct horse battery';
const by = systemActor('default');
const client = { ip: '192.0.2.1' };

let database: TestDatabase;
let here: TestAccess;
/** The same database as another replica sees it. */
let there: TestAccess;
const clock = createHandClock();

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  here = await startAccess(database.postgres, clock);
  there = await startAccess(database.connect(), clock);
  await here.access.bootstrap.firstTenant({ adminEmail: email, adminPassword: password });
}, 60_000);
afterAll(async () => {
  await here.close();
  await there.close();
  await database.stop();
});

/** Logs in from an address of its own, so that tests do not share an allowance. */
let addresses = 0;
async function login(as = email, word = password) {
  addresses += 1;
  clock.advance(60_000);
  const outcome = await here.access.sessions.login(as, word, { ip: `192.0.2.1-${addresses}` });
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome;
}

async function refusalOf(header: string, at = here): Promise<string> {
  const outcome = await at.access.authenticate(header);
  return outcome.ok ? 'accepted' : outcome.reason;
}

async function actions(): Promise<string[]> {
  const { items } = await here.access.audit.list('default', {}, { limit: 500, offset: 0 });
  return items.map(({ action }) => action);
}

describe('the first tenant', () => {
  it('is made once, whoever asks again', async () => {
    const again = await there.access.bootstrap.firstTenant({ adminEmail: 'other@example.com' });
    expect(again).toEqual({ created: false, email: 'other@example.com' });
    expect((await here.access.users.list('default', { limit: 9, offset: 0 })).total).toBe(1);
  });

  it('makes nobody where a password must be given and was not', async () => {
    const fresh = await startDatabase({ migrated: true });
    const own = await startAccess(fresh.postgres, clock);
    const asked = { adminEmail: email, mustGivePassword: true };
    await expect(own.access.bootstrap.firstTenant(asked)).rejects.toThrow(
      'GAUGEWAY_ADMIN_PASSWORD',
    );
    expect((await own.access.users.list('default', { limit: 9, offset: 0 })).total).toBe(0);
    await own.close();
    await fresh.stop();
  });

  it('has an administrator with a made password where none was given', async () => {
    const fresh = await startDatabase({ migrated: true });
    const own = await startAccess(fresh.postgres, clock);
    const first = await own.access.bootstrap.firstTenant({ adminEmail: email });
    expect(first).toMatchObject({ created: true, email });
    const outcome = await own.access.sessions.login(email, first.password!, client);
    expect(outcome).toMatchObject({ ok: true, user: { role: 'Admin', tenantId: 'default' } });
    await own.close();
    await fresh.stop();
  }, 30_000);
});

describe('sessions', () => {
  it('a login gives an access token that names the person and the tenant', async () => {
    const { accessToken } = await login();
    const outcome = await here.access.authenticate(`Bearer ${accessToken}`);
    expect(outcome).toMatchObject({
      ok: true,
      principal: { kind: 'user', name: email, tenantId: 'default', role: 'Admin' },
    });
  });

  it('a wrong password and an unknown account get the same answer', async () => {
    const wrong = await here.access.sessions.login(email, 'wrong', { ip: 'a' });
    const unknown = await here.access.sessions.login('no@example.com', 'wrong', { ip: 'b' });
    expect(wrong).toEqual({ ok: false, reason: 'bad_credentials' });
    expect(unknown).toEqual(wrong);
    await vi.waitFor(async () => expect(await actions()).toContain('login_failed'));
  });

  it('a spent refresh token that comes back ends the whole family, with an audit row', async () => {
    const first = await login();
    const second = await here.access.sessions.refresh(first.refreshToken, client);
    expect(second.ok).toBe(true);
    clock.advance(10_000);
    const reused = await there.access.sessions.refresh(first.refreshToken, client);
    expect(reused).toEqual({ ok: false, reason: 'reused' });
    const victim = await here.access.sessions.refresh(second.ok ? second.refreshToken : '', client);
    expect(victim).toEqual({ ok: false, reason: 'revoked' });
    await vi.waitFor(async () =>
      expect(await refusalOf(`Bearer ${first.accessToken}`)).toBe('revoked'),
    );
    expect(await actions()).toContain('refresh_reuse');
  });

  it('of 100 refreshes of one token at once exactly one wins', async () => {
    const { refreshToken } = await login();
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 2 ? here : there).access.sessions.refresh(refreshToken, client),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    const losers = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.reason]));
    expect(new Set(losers)).toEqual(new Set(['superseded']));
  });

  it('a refresh token ends after seven days, an access token after fifteen minutes', async () => {
    const { refreshToken, accessToken } = await login();
    expect(await refusalOf(`Bearer ${accessToken}`)).toBe('accepted');
    clock.advance(15 * 60_000 + 1_000);
    expect(await refusalOf(`Bearer ${accessToken}`)).toBe('expired');
    clock.advance(7 * 86_400_000);
    expect(await here.access.sessions.refresh(refreshToken, client)).toEqual({
      ...{ ok: false, reason: 'expired' },
    });
  });

  it('refresh tokens are stored as hashes only', async () => {
    const { refreshToken } = await login();
    const rows: object[] = await database.postgres.knex('refresh_tokens').select('*');
    expect(JSON.stringify(rows)).not.toContain(refreshToken.slice(4));
  });

  it('logout ends the session on every replica', async () => {
    const { accessToken, refreshToken } = await login();
    const header = `Bearer ${accessToken}`;
    const outcome = (await there.access.authenticate(header)) as Authentication & { ok: true };
    await here.access.sessions.logout(outcome.principal, by);
    await vi.waitFor(async () => expect(await refusalOf(header, there)).toBe('revoked'));
    expect(await here.access.sessions.refresh(refreshToken, client)).toMatchObject({ ok: false });
  });

  it('the eleventh attempt of a minute is refused before any password is looked at', async () => {
    clock.advance(120_000);
    const attempts: unknown[] = [];
    for (let i = 0; i < 11; i += 1) {
      attempts.push(await here.access.sessions.login('x@example.com', 'no', { ip: `t${i}` }));
    }
    expect(attempts[9]).toMatchObject({ reason: 'bad_credentials' });
    expect(attempts[10]).toMatchObject({ reason: 'throttled' });
  });
});

describe('users', () => {
  let viewer: User;
  const viewerEmail = 'viewer@example.com';
  beforeAll(async () => {
    const wanted = { email: viewerEmail, password, role: 'Viewer' as const };
    viewer = await here.access.users.create('default', wanted, by);
  });

  it('have one account per e-mail, in whatever case', async () => {
    const wanted = { email: 'VIEWER@example.com', password, role: 'Viewer' as const };
    await expect(here.access.users.create('default', wanted, by)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  it('change of role counts for tokens that are out already', async () => {
    const { accessToken } = await login(viewerEmail);
    const header = `Bearer ${accessToken}`;
    expect(await there.access.authenticate(header)).toMatchObject({
      principal: { role: 'Viewer' },
    });
    await here.access.users.update(viewer, { role: 'Operator' }, by);
    await vi.waitFor(async () =>
      expect(await there.access.authenticate(header)).toMatchObject({
        principal: { role: 'Operator' },
      }),
    );
  });

  it.each([{ password: 'another long password' }, { status: 'disabled' as const }])(
    'end their sessions by $password $status',
    async (change) => {
      await here.access.users.update(viewer, { password, status: 'active' }, by);
      const { accessToken, refreshToken } = await login(viewerEmail);
      const header = `Bearer ${accessToken}`;
      expect(await refusalOf(header, there)).toBe('accepted');
      await here.access.users.update(viewer, change, by);
      await vi.waitFor(async () => expect(await refusalOf(header, there)).not.toBe('accepted'));
      expect((await here.access.sessions.refresh(refreshToken, client)).ok).toBe(false);
    },
  );

  it('keep one active administrator', async () => {
    const { items } = await here.access.users.list('default', { limit: 9, offset: 0 });
    const admin = items.find(({ role }) => role === 'Admin')!;
    for (const attempt of [
      () => here.access.users.remove(admin, by),
      () => here.access.users.update(admin, { role: 'Viewer' }, by),
      () => here.access.users.update(admin, { status: 'disabled' }, by),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'CONFLICT' });
    }
  });

  it('are unknown under another tenant', async () => {
    expect(await here.access.users.get('other', viewer.id)).toBeUndefined();
    expect(await here.access.users.get('default', "' or 1=1")).toBeUndefined();
  });
});

describe('keys', () => {
  it('speak as Bearer and as the password of Basic, with their scopes and host', async () => {
    const { key, id } = await here.access.keys.create(
      'default',
      { name: 'agent', scopes: ['write'], hostId: 'h1', whitelistMode: 'observe' },
      by,
    );
    const basic = `Basic ${Buffer.from(`anyone:${key}`).toString('base64')}`;
    const principal: Principal = {
      ...{ kind: 'key', id, name: 'agent', tenantId: 'default', scopes: ['write'] },
      ...{ hostId: 'h1', whitelistMode: 'observe' },
    };
    for (const header of [`Bearer ${key}`, basic]) {
      expect(await here.access.authenticate(header)).toEqual({ ok: true, principal });
      expect(here.access.authenticate(header)).not.toBeInstanceOf(Promise);
    }
    const rows: object[] = await database.postgres.knex('api_keys').select('*');
    expect(JSON.stringify(rows)).not.toContain(key.slice(17));
  });

  it('with a right prefix and a wrong secret are unknown', async () => {
    const { key } = await here.access.keys.create('default', { name: 'k', scopes: ['read'] }, by);
    const forged = key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A');
    expect(await refusalOf(`Bearer ${forged}`)).toBe('unknown');
    expect(await refusalOf(`Bearer ${key.slice(0, 20)}`)).toBe('malformed');
  });

  it('end by revocation on every replica, and by expiry to the millisecond', async () => {
    const wanted = { name: 'e', scopes: ['read'] as const, expiresAtMs: clock.nowMs() + 60_000 };
    const expiring = await here.access.keys.create('default', wanted, by);
    const revoked = await here.access.keys.create('default', { ...wanted, name: 'r' }, by);
    expect(await refusalOf(`Bearer ${expiring.key}`, there)).toBe('accepted');
    expect(await refusalOf(`Bearer ${revoked.key}`, there)).toBe('accepted');
    const record = await here.access.keys.get('default', revoked.id);
    await here.access.keys.revoke(record!, by);
    await vi.waitFor(async () =>
      expect(await refusalOf(`Bearer ${revoked.key}`, there)).toBe('revoked'),
    );
    clock.advance(60_001);
    expect(await refusalOf(`Bearer ${expiring.key}`, there)).toBe('expired');
  });

  it('overlap while they are rotated', async () => {
    const old = await here.access.keys.create('default', { name: 'o', scopes: ['write'] }, by);
    const record = await here.access.keys.get('default', old.id);
    const next = await here.access.keys.rotate(record!, 3_600_000, by);
    expect(await refusalOf(`Bearer ${old.key}`)).toBe('accepted');
    expect(await refusalOf(`Bearer ${next.key}`)).toBe('accepted');
    clock.advance(3_600_001);
    expect(await refusalOf(`Bearer ${old.key}`)).toBe('expired');
    expect(await refusalOf(`Bearer ${next.key}`)).toBe('accepted');
    const ended = await here.access.keys.get('default', old.id);
    await expect(here.access.keys.rotate(ended!, 0, by)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  it('for one host have no other right than to write', async () => {
    const wanted = { name: 'h', scopes: ['write', 'read'] as const, hostId: 'h1' };
    await expect(here.access.keys.create('default', wanted, by)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });

  it('of this installation replace those of its last start', async () => {
    const before = await here.access.bootstrap.localKeys({ hostId: 'h1' });
    expect(await refusalOf(`Bearer ${before.agent.key}`)).toBe('accepted');
    const after = await here.access.bootstrap.localKeys({ hostId: 'h1' });
    await vi.waitFor(async () =>
      expect(await refusalOf(`Bearer ${before.agent.key}`)).toBe('revoked'),
    );
    expect(await refusalOf(`Bearer ${after.read.key}`)).toBe('accepted');
  });

  it('remember when they were last used', async () => {
    const { key, id } = await here.access.keys.create(
      'default',
      { name: 'u', scopes: ['read'] },
      by,
    );
    const other = await startAccess(database.connect(), clock);
    await other.access.authenticate(`Bearer ${key}`);
    await other.close();
    expect((await here.access.keys.get('default', id))?.lastUsedAtMs).toBeGreaterThan(0);
  });
});

describe('tenants', () => {
  it('come with their administrator or not at all', async () => {
    const { tenants, users } = here.access;
    const taken = { email, password, role: 'Admin' as const };
    const admin = await users.prepare('acme', taken, by);
    const acme = { id: 'acme', name: 'Acme', policy: {} };
    await expect(tenants.create(acme, by, admin)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await tenants.get('acme')).toBeUndefined();
    const own = await users.prepare('acme', { ...taken, email: 'a@acme.test' }, by);
    await tenants.create(acme, by, own);
    expect((await users.list('acme', { limit: 9, offset: 0 })).items).toMatchObject([
      { email: 'a@acme.test', role: 'Admin' },
    ]);
  });

  it('have slugs for ids', async () => {
    for (const id of ['', 'A', 'a b', '-a', 'a"', 'x'.repeat(64)]) {
      await expect(
        here.access.tenants.create({ id, name: 'x', policy: {} }, by),
      ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    }
  });

  it('have their limits on every replica, the defaults beside their own', async () => {
    const told: string[] = [];
    there.access.tenants.onChange((tenantId) => told.push(tenantId));
    const { tenants } = here.access;
    const tenant = await tenants.create({ id: 'limited', name: 'L', policy: {} }, by);
    await tenants.update(tenant, { policy: { samplesPerSecond: 5 } }, by);
    await vi.waitFor(() =>
      expect(there.access.tenants.policyOf('limited')).toMatchObject({
        ...{ samplesPerSecond: 5, maxHosts: 3 },
      }),
    );
    expect(told).toContain('limited');
    expect(there.access.tenants.policyOf('unheard-of').samplesPerSecond).toBe(1_000);
  });
});

describe('while Postgres is away', () => {
  it('credentials that were seen go on, and others are neither accepted nor refused', async () => {
    const own = await startDatabase({ migrated: true });
    const held = await startAccess(own.postgres, clock);
    const { access } = held;
    await access.bootstrap.firstTenant({ adminEmail: email, adminPassword: password });
    const known = await access.keys.create('default', { name: 'a', scopes: ['write'] }, by);
    const unseen = await access.keys.create('default', { name: 'b', scopes: ['write'] }, by);
    expect(await refusalOf(`Bearer ${known.key}`, held)).toBe('accepted');
    await own.server.stop();
    clock.advance(5 * 60_000);
    const outcome = access.authenticate(`Bearer ${known.key}`);
    expect(outcome).toMatchObject({ ok: true });
    await expect(access.authenticate(`Bearer ${unseen.key}`)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    // A revocation that nobody could tell us of must not be missed for ever.
    clock.advance(3_600_000);
    await expect(access.authenticate(`Bearer ${known.key}`)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await held.close();
    await own.stop();
  }, 60_000);

  it('a database that hangs holds up only credentials that were not seen', async () => {
    const { keys, authenticate } = here.access;
    const known = await keys.create('default', { name: 'a', scopes: ['write'] }, by);
    const unseen = await keys.create('default', { name: 'b', scopes: ['write'] }, by);
    expect(await refusalOf(`Bearer ${known.key}`)).toBe('accepted');
    const lock = await database.connect().knex.transaction();
    await lock.raw('lock table api_keys in access exclusive mode');
    try {
      expect(authenticate(`Bearer ${known.key}`)).toMatchObject({ ok: true });
      await expect(authenticate(`Bearer ${unseen.key}`)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
    } finally {
      await lock.rollback();
    }
    expect(await refusalOf(`Bearer ${unseen.key}`)).toBe('accepted');
  }, 20_000);
});
