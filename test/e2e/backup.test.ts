import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBackup, restoreBackup } from '../../src/app/index.ts';
import { readManifest, sealManifest } from '../../src/backup/index.ts';
import { startPostgres } from '../../src/managed/index.ts';
import { createMeters, loadConfig, silentLogger } from '../../src/platform/index.ts';
import { createPostgres } from '../../src/storage/postgres/index.ts';
import { send } from '../support/alerts.ts';
import { gaugeway } from '../support/cli.ts';
import { caller, listOf } from '../support/rest.ts';
import {
  freePort,
  launch,
  postJson,
  Stage,
  startStorage,
  unlimited,
  until,
  type Program,
} from '../support/stage.ts';

const stage = new Stage();
const login = { email: 'admin@localhost', password: 'a-long-password-of-the-backup' };
const dataDir = join(stage.directory(), 'data');
const backup = join(stage.directory(), 'backup');
const restored = join(stage.directory(), 'restored');
const rules = stage.directory();

writeFileSync(
  join(rules, 'hot.yaml'),
  `interval: 1s
rules:
  - id: hot
    name: Hot
    expression: cpu.utilization > 90
    duration: 1s
    severity: critical
    channels: [none]
`,
);

const environmentOf = (dir: string, url: string): Record<string, string> => ({
  GAUGEWAY_DATA_DIR: dir,
  GAUGEWAY_LISTEN: new URL(url).host,
  GAUGEWAY_RULES_DIR: rules,
  GAUGEWAY_ADMIN_PASSWORD: login.password,
  GAUGEWAY_OBSERVE_OWN: 'false',
  GAUGEWAY_LOG_LEVEL: 'warn',
  ...unlimited,
});

/** Everything in one process with its stores, as `npm start` runs it. */
async function up(dir: string): Promise<Program> {
  const url = `http://127.0.0.1:${String(await freePort())}`;
  return launch(
    stage,
    { url, health: '/ready' },
    process.execPath,
    ['bin/gaugeway.js', 'up', '--no-agent'],
    environmentOf(dir, url),
  );
}

async function stop(program: Program): Promise<void> {
  const gone = new Promise((resolve) => program.child.once('exit', resolve));
  program.child.kill('SIGTERM');
  await gone;
}

async function adminOf({ url }: Program) {
  const { token = '' } = await postJson(`${url}/api/v1/auth/login`, login);
  return caller({ url }, token.startsWith('Bearer ') ? token : `Bearer ${token}`);
}

const cli = (words: string[], dir: string) =>
  gaugeway(words, { env: environmentOf(dir, 'http://127.0.0.1:1') });

let program: Program;
let writeKey: string;
let readKey: string;
let hotAt: string;
const atMs = Date.now() - 60_000;

async function samples(at: Pick<Program, 'url'>, key: string): Promise<unknown> {
  const query = `/api/v1/query?query=cpu_utilization&time=${String(atMs / 1_000)}`;
  const { body } = await caller(at, `Bearer ${key}`)('GET', query);
  return (body['data'] as { result: unknown } | undefined)?.result;
}

async function events(of: Awaited<ReturnType<typeof adminOf>>) {
  return listOf(await of('GET', '/api/v1/alerts/events'), 'alerts');
}

beforeAll(async () => {
  program = await up(dataDir);
  const admin = await adminOf(program);
  const key = async (scope: string) =>
    String((await admin('POST', '/api/v1/keys', { name: scope, scopes: [scope] })).body['key']);
  [writeKey, readKey] = [await key('write'), await key('read')];
  const host = { id: 'birch', hostname: 'birch.example', tags: { zone: 'eu' } };
  expect((await admin('POST', '/api/v1/hosts', host)).status).toBe(201);
  const person = { email: 'ida@example.com', password: 'a-long-password-of-ida', role: 'Viewer' };
  expect((await admin('POST', '/api/v1/users', person)).status).toBe(201);
  const labels = { __name__: 'cpu_utilization', host_id: 'birch' };
  const at = { url: program.url, writeKey };
  await send(at, [{ labels, value: 42, timestampMs: atMs }]);
  await until('the alert fires', async () => {
    await send(at, [{ labels, value: 95 }]);
    return (await events(admin)).length > 0;
  });
  hotAt = String((await events(admin))[0]?.['id']);
});

afterAll(() => stage.end());

describe('a backup', () => {
  it('of a server that runs holds every part, for its owner only', async () => {
    const labels = { __name__: 'cpu_utilization', host_id: 'birch', core: 'last' };
    await send({ url: program.url, writeKey }, [{ labels, value: 77 }]);
    const { code, out, err } = await cli(['backup', backup, '--json'], dataDir);
    expect(err).toBe('');
    expect(code).toBe(0);
    const { parts } = JSON.parse(out) as { parts: { name: string; held: boolean }[] };
    expect(parts.filter(({ held }) => held).map(({ name }) => name)).toEqual([
      ...['postgres', 'journal', 'victoria-raw', 'victoria-1m', 'victoria-5m'],
      ...['data', 'rules', 'config'],
    ]);
    for (const name of readdirSync(backup, { recursive: true, encoding: 'utf8' })) {
      const found = statSync(join(backup, name));
      expect([name, found.mode & 0o777]).toEqual([name, found.isDirectory() ? 0o700 : 0o600]);
    }
    const config = readFileSync(join(backup, 'config/config.json'), 'utf8');
    expect(config).not.toContain(login.password);
  });

  it('leaves no snapshot behind in storage', () => {
    const snapshots = join(dataDir, 'victoria-raw/storage/snapshots');
    expect(readdirSync(snapshots)).toEqual([]);
  });

  it('goes into no folder that holds something', async () => {
    const { code, err } = await cli(['backup', backup], dataDir);
    expect(code).toBe(6);
    expect(err).toContain('is not empty');
    expect((await cli(['restore', '--check', backup], dataDir)).code).toBe(0);
  });

  it('is not made where there is no server', async () => {
    const folder = join(stage.directory(), 'none');
    const { code, err } = await cli(['backup', folder], stage.directory());
    expect(code).toBe(5);
    expect(err).toContain('holds no database');
    expect(existsSync(folder)).toBe(false);
  });
});

/** A signal that comes when the part is begun. */
function untilPart(name: string) {
  const stop = new AbortController();
  const tell = (what: string): void => {
    if (what === name) stop.abort();
  };
  return { signal: stop.signal, tell };
}

const configOf = (dir: string) =>
  loadConfig({ environment: environmentOf(dir, 'http://127.0.0.1:1') });

describe('an interruption', () => {
  const migrationsDir = 'migrations';

  it.each(['database', 'victoria-raw', 'data'])(
    'of a backup at the part %s leaves no folder and no snapshot',
    async (name) => {
      const folder = join(stage.directory(), 'cut');
      const options = { loaded: configOf(dataDir), folder, version: '0', migrationsDir };
      await expect(makeBackup({ ...options, ...untilPart(name) })).rejects.toThrow();
      expect(existsSync(folder)).toBe(false);
      expect(readdirSync(join(dataDir, 'victoria-raw/storage/snapshots'))).toEqual([]);
    },
  );

  it.each(['victoria-raw', 'database'])(
    'of a restore at the part %s leaves no directory',
    async (name) => {
      const dir = join(stage.directory(), 'cut');
      const options = { loaded: configOf(dir), folder: backup, migrationsDir };
      await expect(restoreBackup({ ...options, ...untilPart(name) })).rejects.toThrow();
      expect(existsSync(dir)).toBe(false);
    },
  );
});

describe('with a database that is given by URL', () => {
  it('a restore fills an empty one, and refuses one that is not', async () => {
    const server = await startPostgres({
      ...{ dataDir: join(stage.directory(), 'postgres'), log: silentLogger, throwaway: true },
    });
    stage.onEnd(() => server.stop());
    const given = (dir: string) => ({
      env: {
        ...environmentOf(dir, 'http://127.0.0.1:1'),
        GAUGEWAY_DATABASE_URL: server.url,
      },
    });
    const dir = join(stage.directory(), 'given');
    expect(await gaugeway(['restore', backup], given(dir))).toMatchObject({ code: 0, err: '' });
    expect(existsSync(join(dir, 'postgres/cluster'))).toBe(false);
    const postgres = createPostgres({
      ...{ url: server.url, poolSize: 2, log: silentLogger, meters: createMeters() },
    });
    stage.onEnd(() => postgres.close());
    // Transactions are numbered anew there: none of before may seem to come later.
    const { rows } = await postgres.knex.raw<{ rows: { later: string; all: string }[] }>(
      `select count(*) as all,
         count(*) filter (where xid >= pg_snapshot_xmin(pg_current_snapshot())) as later
       from incident_events`,
    );
    expect(rows[0]?.later).toBe('0');
    expect(Number(rows[0]?.all)).toBeGreaterThan(0);
    const other = join(stage.directory(), 'other');
    const refused = await gaugeway(['restore', backup], given(other));
    expect(refused.code).toBe(6);
    expect(refused.err).toContain('has tables already');
    expect(existsSync(other)).toBe(false);
    const second = join(stage.directory(), 'second');
    expect((await gaugeway(['backup', second], given(dir))).code).toBe(0);
    expect(await postgres.raiseWall()).toBe('on');
  });
});

describe('of a VictoriaMetrics that is given by URL, a backup', () => {
  it('makes a snapshot, says how it is held there, and ends as done in part', async () => {
    const storage = await startStorage(stage);
    const folder = join(stage.directory(), 'part');
    const env = {
      ...environmentOf(dataDir, 'http://127.0.0.1:1'),
      ...storage.env,
      GAUGEWAY_VICTORIA_RAW_URL: storage.url,
      GAUGEWAY_VICTORIA_RAW_SNAPSHOT_AUTH_KEY: storage.target.authKeys?.snapshot ?? '',
    };
    const { code, out, err } = await gaugeway(['backup', folder, '--json'], { env });
    expect(code).toBe(8);
    const { parts } = JSON.parse(out) as { parts: { name: string; held: boolean }[] };
    expect(parts.filter(({ held }) => !held).map(({ name }) => name)).toEqual(['victoria-raw']);
    const said = /vmbackup -storageDataPath=(\S+) -snapshotName=(\S+) -dst=/.exec(err);
    expect(readdirSync(join(said?.[1] ?? '', 'snapshots'))).toEqual([said?.[2]]);
    expect(err).not.toContain(storage.target.authKeys?.snapshot);
  });
});

describe('a restore', () => {
  it('refuses a directory with data in it', async () => {
    const { code, err } = await cli(['restore', backup], dataDir);
    expect(code).toBe(6);
    expect(err).toContain('is not empty');
  });

  it.each([
    ['one changed byte', 'postgres/gaugeway.dump', 'has another checksum'],
    ['a changed manifest', 'manifest.json', 'it was changed'],
  ])('refuses a backup with %s and leaves nothing', async (_what, file, message) => {
    const copy = join(stage.directory(), 'copy');
    cpSync(backup, copy, { recursive: true });
    const path = join(copy, file);
    const bytes = readFileSync(path);
    const digit = file.endsWith('.json') ? bytes.indexOf('"bytes": ') + 9 : bytes.length >> 1;
    bytes[digit] = bytes[digit] === 0x31 ? 0x32 : 0x31;
    writeFileSync(path, bytes);
    const empty = stage.directory();
    const { code, err } = await cli(['restore', copy], empty);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(readdirSync(empty)).toEqual([]);
  });

  it('refuses a backup of a newer version by its schema', async () => {
    const copy = join(stage.directory(), 'newer');
    cpSync(backup, copy, { recursive: true });
    const manifest = readManifest(copy);
    const migrations = [...manifest.migrations, '209901010000_newer'];
    writeFileSync(join(copy, 'manifest.json'), sealManifest({ ...manifest, migrations }));
    const empty = stage.directory();
    const { code, err } = await cli(['restore', copy], empty);
    expect(code).toBe(2);
    expect(err).toContain('209901010000_newer, which this program does not know');
    expect(readdirSync(empty)).toEqual([]);
  });

  it('that was killed leaves a directory in which no server starts', async () => {
    const dir = stage.directory();
    mkdirSync(join(dir, '.restoring'));
    const { code, err } = await cli(['up', '--no-agent'], dir);
    expect(code).toBe(1);
    expect(err).toContain('did not come to its end');
    expect((await cli(['restore', backup], dir)).code).toBe(6);
    expect(readdirSync(dir)).toEqual(['.restoring']);
  });

  it('lays rule files that are missing, and aside those that are others now', async () => {
    const dir = join(stage.directory(), 'rules');
    const now = stage.directory();
    const env = { ...environmentOf(dir, 'http://127.0.0.1:1'), GAUGEWAY_RULES_DIR: now };
    const first = await gaugeway(['restore', backup], { env });
    expect(first).toMatchObject({ code: 0, err: '' });
    const held = readFileSync(join(rules, 'hot.yaml'), 'utf8');
    expect(readFileSync(join(now, 'hot.yaml'), 'utf8')).toBe(held);
    writeFileSync(join(now, 'hot.yaml'), 'rules: []\n');
    const again = join(stage.directory(), 'rules');
    const second = await gaugeway(['restore', backup], {
      env: { ...env, GAUGEWAY_DATA_DIR: again },
    });
    expect(second.code).toBe(8);
    expect(second.err).toContain('hot.yaml is another one');
    expect(readFileSync(join(now, 'hot.yaml'), 'utf8')).toBe('rules: []\n');
    expect(readFileSync(join(again, 'of-the-backup/rules/hot.yaml'), 'utf8')).toBe(held);
  });

  it('into an empty directory gives the same server', async () => {
    const before = await samples(program, readKey);
    expect(before).toHaveLength(1);
    await stop(program);
    const { code, err } = await cli(['restore', backup], restored);
    expect(err).toBe('');
    expect(code).toBe(0);
    const again = await up(restored);
    const admin = await adminOf(again);
    await until('the samples are there', async () => {
      const found = await samples(again, readKey);
      return JSON.stringify(found) === JSON.stringify(before);
    });
    await until('what was acknowledged just before is there', async () => {
      const query = 'last_over_time(cpu_utilization{core="last"}[1h])';
      const path = `/api/v1/query?query=${encodeURIComponent(query)}`;
      const { body } = await caller(again, `Bearer ${readKey}`)('GET', path);
      return JSON.stringify(body).includes('"77"');
    });
    const { body } = await admin('GET', '/api/v1/hosts/birch');
    expect(body['host']).toMatchObject({ id: 'birch', tags: { zone: 'eu' } });
    const users = listOf(await admin('GET', '/api/v1/users'), 'users');
    expect(users.map(({ email }) => email)).toContain('ida@example.com');
    expect((await events(admin)).map(({ id }) => id)).toContain(hotAt);
    const labels = { __name__: 'cpu_utilization', host_id: 'birch' };
    await send({ url: again.url, writeKey }, [{ labels, value: 7 }]);
    await stop(again);
  });

  it('of a backup that was made of a resting server gives its last samples', async () => {
    const folder = join(stage.directory(), 'resting');
    const { code, err } = await cli(['backup', folder], restored);
    expect([code, err]).toEqual([0, '']);
    const dir = join(stage.directory(), 'again');
    expect((await cli(['restore', folder], dir)).code).toBe(0);
    const again = await up(dir);
    const ask = caller(again, `Bearer ${readKey}`);
    await until('the last sample is there', async () => {
      const { body } = await ask('GET', '/api/v1/query?query=last_over_time(cpu_utilization[1h])');
      return JSON.stringify(body).includes('"7"');
    });
    await stop(again);
  });
});
