import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from '../../../src/managed/index.ts';
import { createMeters, silentLogger } from '../../../src/platform/index.ts';
import { createPostgres, migrationState } from '../../../src/storage/postgres/index.ts';
import { migrations } from '../../support/access.ts';
import { send } from '../../support/alerts.ts';
import { fillAsPrevious, previousAnswers as before } from '../../support/previous-release.ts';
import { caller, listOf, type Call } from '../../support/rest.ts';
import { freePort, launch, postJson, Stage, startStorage, unlimited } from '../../support/stage.ts';

const stage = new Stage();
let empty: string[];
let url: string;
let admin: Call;
let pending: string[];

/** What a page calls its list. */
const fields: Record<string, string> = {
  'alerts/events': 'alerts',
  'alerts/rules': 'rules',
  'reports/schedules': 'schedules',
  'reports/runs': 'runs',
  'agents/tokens': 'tokens',
  audit: 'entries',
  'ingest/rejections': 'rejections',
};

beforeAll(async () => {
  const server = await startPostgres({
    ...{ dataDir: join(stage.directory(), 'postgres'), log: silentLogger, throwaway: true },
  });
  stage.onEnd(() => server.stop());
  const postgres = createPostgres({
    ...{ url: server.url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  stage.onEnd(() => postgres.close());
  empty = await fillAsPrevious(postgres, server.url);
  pending = (await migrationState(postgres, { directory: migrations })).pending;

  const storage = await startStorage(stage);
  const listen = `127.0.0.1:${String(await freePort())}`;
  url = `http://${listen}`;
  // Rulers and workers change and remove what is old: here only what was kept is looked at.
  await launch(stage, { url, health: '/ready' }, process.execPath, ['bin/gaugeway.js', 'serve'], {
    ...unlimited,
    ...storage.env,
    ...{ GAUGEWAY_LISTEN: listen, GAUGEWAY_ROLES: 'gateway,api', GAUGEWAY_LOG_LEVEL: 'warn' },
    ...{ GAUGEWAY_DATABASE_URL: server.url, GAUGEWAY_VICTORIA_RAW_URL: storage.url },
    ...{ GAUGEWAY_DATA_DIR: stage.directory(), GAUGEWAY_OBSERVE_OWN: 'false' },
  });
  expect((await migrationState(postgres, { directory: migrations })).pending).toEqual([]);
  admin = await login('admin@localhost', 'a-long-password-of-the-stage');
});

afterAll(() => stage.end());

async function login(email: string, password: string): Promise<Call> {
  const { token = '' } = await postJson(`${url}/api/v1/auth/login`, { email, password });
  return caller({ url }, token.startsWith('Bearer ') ? token : `Bearer ${token}`);
}

describe('the data of the release before', () => {
  it('fill every table that release kept something in, and there is something to migrate', () => {
    // Counters of a minute, and rulers that run.
    expect(empty).toEqual(['rate_windows', 'rulers']);
    expect(pending.length).toBeGreaterThan(0);
  });

  it.each(Object.entries(before.lists))('are listed as before: %s', async (path, items) => {
    const answer = await admin('GET', `/api/v1/${path}?limit=200`);
    expect(answer.status).toBe(200);
    const found = listOf(answer, fields[path] ?? path);
    for (const item of items) expect(found).toContainEqual(expect.objectContaining(item));
    expect(items.length).toBeGreaterThan(0);
  });

  it.each(Object.entries(before.answers))('are answered as before: %s', async (path, body) => {
    const answer = await admin('GET', `/api/v1/${path}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject(body);
  });

  it('hold people, who log in with their passwords and have their roles', async () => {
    const ida = await login('ida@example.com', 'a-long-password-of-ida');
    expect((await ida('GET', '/api/v1/users/me')).body).toMatchObject({ role: 'Operator' });
  });

  it('hold keys, which write and read', async () => {
    const labels = { __name__: 'cpu_utilization', host_id: 'doc-1' };
    await send({ url, writeKey: before.write_key }, [{ labels, value: 1 }]);
    const reader = caller({ url }, `Bearer ${before.read_key}`);
    expect((await reader('GET', '/api/v1/query?query=up')).status).toBe(200);
    expect((await caller({ url }, 'Bearer gwk_x')('GET', '/api/v1/hosts')).status).toBe(401);
  });

  it('know which hosts were removed lately', async () => {
    expect((await admin('GET', '/api/v1/hosts/gone')).status).toBe(404);
  });

  it('have tenants that are active, also for what is new', async () => {
    const { body } = await admin('GET', '/api/v1/tenants/doc-tenant');
    expect(body).toMatchObject({ id: 'doc-tenant', status: 'active' });
    expect((await admin('GET', '/api/v1/usage')).status).toBe(200);
  });
});
