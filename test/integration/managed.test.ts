import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import pg from 'pg';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { managedPostgresUrl, startPostgres, startVictoria } from '../../src/managed/index.ts';
import { silentLogger as log } from '../../src/platform/index.ts';
import { createVictoriaClient, type VictoriaTarget } from '../../src/storage/victoria/client.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gaugeway-managed-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((wake) => setTimeout(wake, 25));
  }
}

async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function request(
  target: VictoriaTarget,
  method: 'GET' | 'POST',
  path: string,
  query: Record<string, string> = {},
  body = '',
): Promise<{ status: number; body: string }> {
  const client = createVictoriaClient(target);
  try {
    const parameters = new URLSearchParams(query);
    const common = { method, path, query: parameters, timeoutMs: 5_000 };
    const answer = await client.request(method === 'POST' ? { ...common, body } : common);
    return { status: answer.status, body: answer.body.toString() };
  } finally {
    await client.close();
  }
}

const importPath = '/api/v1/import/prometheus';
const countOf = async (target: VictoriaTarget, query: string): Promise<number> => {
  const answer = await request(target, 'GET', '/api/v1/query', { query, nocache: '1' });
  return JSON.parse(answer.body).data.result.length;
};

describe('managed Postgres', () => {
  it('is made at the first start, keeps its data over a stop and leaves no process', async () => {
    const dataDir = await emptyDirectory();
    expect(managedPostgresUrl(dataDir)).toBeUndefined();
    const first = await startPostgres({ dataDir, log, throwaway: true });
    cleanups.push(() => first.stop());
    expect(managedPostgresUrl(dataDir)).toBe(first.url);
    const pid = first.pid()!;
    await ask(first.url, 'create table kept (a int); insert into kept values (7)');
    await first.stop();
    expect(await isRunning(pid)).toBe(false);

    const second = await startPostgres({ dataDir, log, throwaway: true });
    cleanups.push(() => second.stop());
    expect(await ask(second.url, 'select a from kept')).toEqual([{ a: 7 }]);
  });

  it('hands out a role that may not read files or act as superuser, and asks for its password', async () => {
    const server = await startPostgres({ dataDir: await emptyDirectory(), log, throwaway: true });
    cleanups.push(() => server.stop());
    await expect(ask(server.url, "select pg_read_file('/etc/passwd')")).rejects.toThrow(
      /permission denied/,
    );
    const wrong = server.url.replace(/:[^:@/]+@/, ':wrong@');
    await expect(ask(wrong, 'select 1')).rejects.toThrow(/password authentication failed/);
  });

  it('comes back under the same address after kill -9', async () => {
    const server = await startPostgres({ dataDir: await emptyDirectory(), log });
    cleanups.push(() => server.stop());
    await ask(server.url, 'create table kept (a int); insert into kept values (7)');
    const ends: unknown[] = [];
    server.onExit((exit) => ends.push(exit.signal));
    process.kill(server.pid()!, 'SIGKILL');
    await until('it answers again', () =>
      ask(server.url, 'select a from kept').then(
        (rows) => rows.length === 1 && ends.length === 1,
        () => false,
      ),
    );
    expect(ends).toEqual(['SIGKILL']);
  });

  it('starts although its pid file names a living process of somebody else', async () => {
    const dataDir = await emptyDirectory();
    const first = await startPostgres({ dataDir, log, throwaway: true });
    await first.stop();
    const file = join(dataDir, 'cluster', 'postmaster.pid');
    await writeFile(file, `${process.pid}\n${join(dataDir, 'cluster')}\n1\n5432\n\n\n\nready\n`);
    const second = await startPostgres({ dataDir, log, throwaway: true });
    cleanups.push(() => second.stop());
    expect(await ask(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('a directory that is in use is refused, with the process that uses it', async () => {
    const dataDir = await emptyDirectory();
    const server = await startPostgres({ dataDir, log, throwaway: true });
    cleanups.push(() => server.stop());
    await expect(startPostgres({ dataDir, log, throwaway: true })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(`in use by process ${process.pid}`),
    });
    expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('a directory that cannot be written is named, with the key that chooses another', async () => {
    const file = join(await emptyDirectory(), 'file');
    await writeFile(file, '');
    await expect(startPostgres({ dataDir: join(file, 'pg'), log })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/cannot be written.*ENOTDIR.*GAUGEWAY_DATA_DIR/),
    });
  });

  it('data of a version that is not installed is named, with the ways to get it', async () => {
    const dataDir = await emptyDirectory();
    await mkdir(join(dataDir, 'cluster'));
    await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), '9\n');
    await expect(startPostgres({ dataDir, log })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/made by Postgres 9.*GAUGEWAY_DATABASE_URL/),
    });
  });

  it('serves from a path too long for a socket', async () => {
    const dataDir = join(await emptyDirectory(), 'x'.repeat(110));
    const server = await startPostgres({ dataDir, log, throwaway: true });
    cleanups.push(() => server.stop());
    expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('managed VictoriaMetrics', () => {
  const options = { retention: '7d', name: 'raw', log };

  it('answers its own client only, and keeps locked paths locked', async () => {
    const server = await startVictoria({ ...options, dataDir: await emptyDirectory() });
    cleanups.push(() => server.stop());
    const stranger = { baseUrl: server.target.baseUrl };
    expect((await request(stranger, 'GET', '/api/v1/query', { query: '1' })).status).toBe(401);
    expect((await request(server.target, 'GET', '/api/v1/query', { query: '1' })).status).toBe(200);
    const deletion = '/api/v1/admin/tsdb/delete_series';
    const matching = { 'match[]': 'a' };
    const refused = await request(server.target, 'GET', deletion, matching);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    const authKey = server.target.authKeys!.delete!;
    const allowed = await request(server.target, 'GET', deletion, { ...matching, authKey });
    expect(allowed.status).toBe(204);
  });

  it('tells no secret in its command line, and keeps its secrets file for its owner', async () => {
    const dataDir = await emptyDirectory();
    const server = await startVictoria({ ...options, dataDir });
    cleanups.push(() => server.stop());
    const commandLine = await readFile(`/proc/${server.pid()!}/cmdline`, 'utf8');
    expect(commandLine).toContain('-dedup.minScrapeInterval=1ms');
    expect(commandLine).not.toContain(server.target.password);
    expect((await stat(join(dataDir, 'secrets.json'))).mode & 0o777).toBe(0o600);
  });

  it('comes back on the same port after kill -9', async () => {
    const server = await startVictoria({ ...options, dataDir: await emptyDirectory() });
    cleanups.push(() => server.stop());
    const before = server.pid()!;
    process.kill(before, 'SIGKILL');
    await until(
      'another process runs',
      () => server.pid() !== undefined && server.pid() !== before,
    );
    expect((await request(server.target, 'GET', '/health')).status).toBe(200);
  });

  it('stores a repeated sample once and shows it at once after a flush', async () => {
    const server = await startVictoria({ ...options, dataDir: await emptyDirectory() });
    cleanups.push(() => server.stop());
    const line = `fresh 1 ${Date.now()}\n`;
    for (let i = 0; i < 3; i++) await request(server.target, 'POST', importPath, {}, line);
    const authKey = server.target.authKeys!.forceFlush!;
    await until('the sample is visible', async () => {
      await request(server.target, 'GET', '/internal/force_flush', { authKey });
      return (await countOf(server.target, 'count_over_time(fresh[1m]) == 1')) === 1;
    });
  });

  it('a directory that is in use is refused', async () => {
    const dataDir = await emptyDirectory();
    const server = await startVictoria({ ...options, dataDir });
    cleanups.push(() => server.stop());
    await expect(startVictoria({ ...options, dataDir })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  it('a start that fails says why and frees the directory', async () => {
    const dataDir = await emptyDirectory();
    await expect(startVictoria({ ...options, dataDir, retention: 'soon' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/did not start: ended \(exit \d+\)[^]*soon/),
    });
    const server = await startVictoria({ ...options, dataDir });
    await server.stop();
  });
});

describe('a parent that is killed', () => {
  const bundle = resolve('.cache/managed-parent.mjs');

  beforeAll(async () => {
    await build({
      stdin: {
        resolveDir: resolve('.'),
        loader: 'ts',
        contents: `
          import { startPostgres, startVictoria } from './src/managed/index.ts';
          import { silentLogger as log } from './src/platform/index.ts';
          const root = process.argv[2];
          const postgres = await startPostgres({ dataDir: root + '/postgres', log });
          const victoria = await startVictoria({ dataDir: root + '/raw', name: 'raw', retention: '7d', log });
          console.log(JSON.stringify({ pids: [postgres.pid(), victoria.pid()], target: victoria.target }));
          setInterval(() => undefined, 1000);
        `,
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      outfile: bundle,
    });
  });

  async function startParent(
    root: string,
  ): Promise<{ parent: ChildProcess; pids: number[]; target: VictoriaTarget }> {
    const parent = spawn(process.execPath, [bundle, root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanups.push(() => Promise.resolve(parent.kill('SIGKILL')));
    const [line] = await once(parent.stdout, 'data');
    return { parent, ...JSON.parse(String(line)) };
  }

  it('takes its servers along, loses no data, and the next start finds all in order', async () => {
    const root = await emptyDirectory();
    const first = await startParent(root);
    const written = await request(first.target, 'POST', importPath, {}, `kept 1 ${Date.now()}\n`);
    expect(written.status).toBe(204);
    first.parent.kill('SIGKILL');
    // Without waiting: the next start meets servers that are still flushing.
    const second = await startParent(root);
    for (const pid of first.pids) expect(await isRunning(pid)).toBe(false);
    await until(
      'the sample written before the kill is visible',
      async () => (await countOf(second.target, 'kept')) === 1,
    );
    second.parent.kill('SIGKILL');
    for (const pid of second.pids) {
      await until('its server is gone', async () => !(await isRunning(pid)));
    }
  });
});
