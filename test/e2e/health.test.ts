import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  freePort,
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
  type Program,
} from '../support/stage.ts';

const stage = new Stage();
let storage: Awaited<ReturnType<typeof startStorage>>;
let product: Product;

beforeAll(async () => {
  storage = await startStorage(stage);
  product = await startProduct(stage, storage);
}, 120_000);
afterAll(() => stage.end());

async function get(server: Product, path: string) {
  const answer = await fetch(server.url + path);
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

const saysReady = (server: Product, status: number) =>
  until(`/ready answers ${String(status)}`, async () => {
    return (await get(server, '/ready')).status === status;
  });

/** The processes of a postmaster, which are the ones that answer. */
function childrenOf(pid: number): number[] {
  const path = `/proc/${String(pid)}/task/${String(pid)}/children`;
  return readFileSync(path, 'utf8').trim().split(' ').map(Number);
}

/** What has ended meanwhile needs no signal. */
function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Another process of the product, with one role, on the database and storage of the first. */
async function startRole(role: string): Promise<Program> {
  const listen = `127.0.0.1:${String(await freePort())}`;
  const server = { url: `http://${listen}`, health: '/health' };
  return launch(stage, server, process.execPath, ['bin/gaugeway.js', 'serve'], {
    GAUGEWAY_LISTEN: listen,
    GAUGEWAY_ROLES: role,
    GAUGEWAY_DATA_DIR: stage.directory(),
    GAUGEWAY_DATABASE_URL: product.postgres.url,
    GAUGEWAY_VICTORIA_RAW_URL: storage.url,
    GAUGEWAY_LOG_LEVEL: 'warn',
    GAUGEWAY_OBSERVE_OWN: 'false',
    ...storage.env,
  });
}

describe('AC-BE-010: health endpoint returns 200 OK; ready endpoint checks DB connectivity', () => {
  it('answers as the requirements print it, with what else it needs', async () => {
    await saysReady(product, 200);
    expect(await get(product, '/health')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await get(product, '/ready')).toEqual({
      status: 200,
      body: {
        ...{ status: 'ready', db: 'ok', cache: 'ok', storage: 'ok' },
        ...{ journal: 'ok', ruler: 'ok', worker: 'ok' },
      },
    });
  });

  it('is not ready while the database is away, and is again once it is back', async () => {
    const { postgres } = product;
    const before = postgres.pid() ?? 0;
    // Stopped first: nobody runs it again until the test has looked.
    signal([before], 'SIGSTOP');
    const children = childrenOf(before);
    signal(children, 'SIGSTOP');
    try {
      await saysReady(product, 503);
      expect((await get(product, '/ready')).body).toMatchObject({
        ...{ status: 'not_ready', db: 'fail', storage: 'ok' },
      });
      expect(await get(product, '/health')).toEqual({ status: 200, body: { status: 'ok' } });
      await until('what is remembered is called too old', async () => {
        return (await get(product, '/ready')).body['cache'] === 'fail';
      });
    } finally {
      signal([before], 'SIGKILL');
      signal(children, 'SIGCONT');
    }
    await until('Postgres runs again', () =>
      Promise.resolve(![before, undefined].includes(postgres.pid())),
    );
    await saysReady(product, 200);
    expect((await get(product, '/ready')).body).toMatchObject({ db: 'ok', cache: 'ok' });
  });

  it.each([
    ['gateway', ['db', 'cache', 'storage', 'journal']],
    ['ruler', ['db', 'cache', 'storage', 'ruler']],
    ['worker', ['db', 'cache', 'storage', 'worker']],
    ['api', ['db', 'cache', 'storage']],
  ])('tells of the parts that the role %s needs', async (role, parts) => {
    const program = await startRole(role);
    await until('it is ready', async () => (await fetch(`${program.url}/ready`)).ok);
    const ready = (await (await fetch(`${program.url}/ready`)).json()) as Record<string, string>;
    expect(ready).toEqual({
      status: 'ready',
      ...Object.fromEntries(parts.map((part) => [part, 'ok'])),
    });
    expect((await fetch(`${program.url}/health`)).status).toBe(200);
    expect((await fetch(`${program.url}/metrics`)).status).toBe(401);
  });
});

describe('readiness', () => {
  it('tells that storage is away, also where nothing is written', async () => {
    const reader = await startRole('api');
    const pid = storage.pid() ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await until('/ready says so', async () => {
        const answer = await fetch(`${reader.url}/ready`);
        const { storage: part } = (await answer.json()) as Record<string, string>;
        return answer.status === 503 && part === 'fail';
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('it is ready again', async () => (await fetch(`${reader.url}/ready`)).ok);
  });
});
