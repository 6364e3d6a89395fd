import { expect, it, vi } from 'vitest';
import { createPasswords } from '../../../src/access/passwords.ts';
import { createSessions, type SessionStore } from '../../../src/access/sessions.ts';
import { createTokens } from '../../../src/access/tokens.ts';
import type { UserRecord, UserStore } from '../../../src/access/users.ts';
import { silentLogger, systemClock } from '../../../src/platform/index.ts';

const email = 'ana@example.com';
const client = { ip: '192.0.2.1' };

async function sessionsOf(change: (record: UserRecord, looked: number) => UserRecord) {
  const passwords = createPasswords({ cost: 4, concurrency: 1, maxWaiting: 10 });
  const record: UserRecord = {
    ...{ id: 'u1', tenantId: 'acme', email, role: 'Viewer', status: 'active', createdAtMs: 0 },
    passwordHash: await passwords.hash('the password of ana', email),
  };
  let looked = 0;
  const users = {
    findByEmail: () => Promise.resolve(change(record, (looked += 1))),
  } as unknown as UserStore;
  const store = { create: vi.fn(() => Promise.resolve()), end: vi.fn(() => Promise.resolve()) };
  const sessions = createSessions({
    ...{
      store: store as unknown as SessionStore,
      users,
      passwords,
      onChanged: () => undefined,
      isActive: () => true,
    },
    audit: { add: () => Promise.resolve(), list: vi.fn(), read: vi.fn() },
    tokens: createTokens({ key: Buffer.alloc(32, 1), clock: systemClock }),
    throttle: { attempt: () => Promise.resolve(0) },
    ...{ clock: systemClock, log: silentLogger },
  });
  const outcome = await sessions.login(email, 'the password of ana', client);
  return { outcome, store };
}

it('a login makes a session', async () => {
  const { outcome, store } = await sessionsOf((record) => record);
  expect(outcome.ok).toBe(true);
  expect(store.end).not.toHaveBeenCalled();
});

it.each<[string, Partial<UserRecord>]>([
  ['the password was changed', { passwordHash: 'another' }],
  ['the account was disabled', { status: 'disabled' }],
])('a login that waited for its hash while %s leaves no session', async (_what, change) => {
  const { outcome, store } = await sessionsOf((record, looked) =>
    looked > 2 ? { ...record, ...change } : record,
  );
  expect(outcome).toEqual({ ok: false, reason: 'bad_credentials' });
  expect(store.create).toHaveBeenCalledOnce();
  expect(store.end).toHaveBeenCalledOnce();
});
