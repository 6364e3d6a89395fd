import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemActor } from '../../src/access/index.ts';
import { createHostStore } from '../../src/storage/postgres/index.ts';
import { createHandClock, startAccess, startDatabase } from '../support/access.ts';
import type { TestAccess, TestDatabase } from '../support/access.ts';
import { createTestAgents, type TestAgents } from '../support/agents.ts';
import { serve, type TestServer } from '../support/http.ts';

const clock = createHandClock();
const hostCount = 300;
let database: TestDatabase;
let held: TestAccess;
let rooms: TestAgents;
let server: TestServer;
let writer: string;

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  held = await startAccess(database.postgres, clock);
  rooms = createTestAgents(database.postgres, held, { clock, maxHosts: hostCount });
  await rooms.hosts.start();
  await rooms.agents.start();
  const { access } = held;
  await access.bootstrap.firstTenant({ adminEmail: 'a@x.test', adminPassword: 'a long password' });
  const wanted = { name: 'w', scopes: ['write'] as const };
  writer = (await access.keys.create('default', wanted, systemActor('default'))).key;
  server = await serve({ routes: rooms.routes, authenticate: access.authenticate });
}, 60_000);
afterAll(async () => {
  await server.close();
  await rooms.hosts.close();
  await held.close();
  await database.stop();
});

async function beat(hostId: string, more: object = {}): Promise<[number, string | undefined]> {
  const response = await fetch(`${server.url}/api/v1/ingest/heartbeat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${writer}`, 'content-type': 'application/json' },
    body: JSON.stringify({ host_id: hostId, boot_id: `boot-${hostId}`, ...more }),
  });
  const body = (await response.json()) as { error?: { details?: { reason?: string } } };
  return [response.status, body.error?.details?.reason];
}

const ids = Array.from({ length: hostCount }, (_, n) => `h-${String(n)}`);

describe('heartbeats that come together', () => {
  it('are each kept, in few transactions', async () => {
    await Promise.all(ids.map((id) => beat(id)));
    clock.advance(30_000);
    let transactions = 0;
    const count = ({ sql }: { sql: string }): void => {
      if (/^begin/i.test(sql)) transactions += 1;
    };
    database.postgres.knex.on('query', count);
    const answers = await Promise.all(
      ids.map((id, n) => beat(id, { hostname: `name-${id}`, ips: [`10.0.0.${String(n % 256)}`] })),
    );
    database.postgres.knex.off('query', count);
    expect(new Set(answers.map(([status]) => status))).toEqual(new Set([200]));
    expect(transactions).toBeGreaterThan(0);
    expect(transactions).toBeLessThan(hostCount / 4);
    const { items } = await rooms.hosts.list('default', { limit: 500, offset: 0 });
    expect(items.map(({ id, hostname, ips }) => [id, hostname, ...ips]).sort()).toEqual(
      ids.map((id, n) => [id, `name-${id}`, `10.0.0.${String(n % 256)}`]).sort(),
    );
    expect(items.every(({ lastSeenAtMs }) => clock.nowMs() - lastSeenAtMs! < 30_000)).toBe(true);
  });

  it('are judged one by one: what is wrong with one is not the matter of the others', async () => {
    clock.advance(30_000);
    await beat('h-1');
    const answers = await Promise.all([
      ...[beat('h-0'), beat('h-1', { boot_id: 'of-a-copy' }), beat('h-2', { ips: 'none' })],
      ...[beat('h-too-many'), beat('h-3'), beat('h-4', { note: 'a\0b' }), beat('h-5')],
    ]);
    expect(answers.map(([status]) => status)).toEqual([200, 403, 400, 429, 200, 400, 200]);
    expect(answers[1]![1]).toBe('cloned_machine');
  });

  it('may be of one host, sent again: the last is kept', async () => {
    const versions = ['1.0.0', '1.0.1', '1.0.2', '1.0.3'];
    await Promise.all(
      versions.map((version) =>
        rooms.hosts.heartbeat('default', 'h-9', { agent_version: version }),
      ),
    );
    expect((await rooms.hosts.get('default', 'h-9'))?.agentVersion).toBe('1.0.3');
    const last = await createHostStore(database.postgres.knex).lastReport('default', 'h-9');
    expect(last?.reported).toMatchObject({ agent_version: '1.0.3' });
  });
});
