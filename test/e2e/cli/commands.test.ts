import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gaugeway, runProcess, type Said } from '../../support/cli.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../../support/stage.ts';

const stage = new Stage();
let product: Product;
let folder: string;

beforeAll(async () => {
  folder = stage.directory();
  product = await startProduct(stage, await startStorage(stage));
});
afterAll(() => stage.end());

/** As a person does who has set the two variables. */
const withKey = (key: string, ...args: string[]): Promise<Said> =>
  gaugeway(args, {
    env: { GAUGEWAY_URL: product.url, GAUGEWAY_KEY: key, XDG_CONFIG_HOME: folder },
  });
const reader = (...args: string[]): Promise<Said> => withKey(product.readKey, ...args);

let adminKey = '';
const admin = async (...args: string[]): Promise<Said> => {
  adminKey ||= await product.makeKey({ name: 'cli', scopes: ['admin'] });
  return withKey(adminKey, ...args);
};

const jsonOf = ({ code, out, err }: Said): any => {
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
};

const metrics = Array.from({ length: 5 }, (_, index) => ({
  metric: 'cpu.utilization',
  ts: new Date(Date.now() - (5 - index) * 5_000).toISOString(),
  value: 10 * (index + 1),
}));

async function sendSamples(hostId: string): Promise<void> {
  const answer = await fetch(`${product.url}/api/v1/ingest/metrics`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await product.makeKey({ name: hostId, scopes: ['write'], host_id: hostId })}`,
    },
    body: JSON.stringify({ host_id: hostId, metrics }),
  });
  expect(answer.status).toBe(200);
}

describe('gaugeway host', () => {
  it('shows what an import would change, applies it, and lists, tags and removes', async () => {
    const file = join(folder, 'hosts.csv');
    writeFileSync(
      file,
      'id,hostname,tags\nweb-1,web-1.local,role=web;zone=eu\ndb-1,db-1.local,role=db\n',
    );
    const dry = jsonOf(await admin('host', 'import', file, '--dry-run', '--json'));
    expect(dry).toMatchObject({ dry_run: true, created: 2, changed: 0, rejected: [] });
    expect(jsonOf(await reader('host', 'list', '--json')).total).toBe(0);

    const done = await admin('host', 'import', file);
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(done.out).toContain('2 made, 0 changed, 0 as they are, 0 refused');

    const list = await reader('host', 'list', '--tags', 'role:web');
    expect(list.out).toMatch(/^ID +STATUS/);
    expect(list.out).toMatch(/\nweb-1 .* role=web zone=eu\n$/);

    const tagged = jsonOf(await admin('host', 'tag', 'web-1', 'rack=7', 'zone-', '--json'));
    expect(tagged.tags).toEqual({ role: 'web', rack: '7' });

    const asked = await admin('host', 'remove', 'db-1');
    expect(asked.code).toBe(2);
    expect(asked.err).toContain('Say so with --yes');
    const removed = jsonOf(await admin('host', 'remove', 'db-1', '--yes', '--json'));
    expect(removed).toMatchObject({ status: 'deleted', series: 'kept' });
    const all = jsonOf(await reader('host', 'list', '--all', '--json'));
    expect(all).toMatchObject({
      total: 1,
      hosts: [{ id: 'web-1', hostname: 'web-1.local' }],
    });
  });

  it('names bad rows by line: nothing is applied, or the others are and it ends with 1', async () => {
    const file = join(folder, 'bad.csv');
    writeFileSync(file, 'id,hostname\nok-1,ok-1\nbad-1,\n');
    const aborted = await admin('host', 'import', file);
    expect(aborted.code).toBe(2);
    expect(aborted.err).toMatch(/nothing was applied.*\(request .+\)\n {2}line 3: /);
    const content = readFileSync(file, 'utf8');
    const skipped = await gaugeway(['host', 'import', '-', '--on-error', 'skip'], {
      env: { GAUGEWAY_URL: product.url, GAUGEWAY_KEY: adminKey },
      stdin: content,
    });
    expect(skipped.code).toBe(1);
    expect(skipped.out).toMatch(/line 3: .*\n1 made, /);
  });
});

describe('gaugeway query', () => {
  it('answers as a table, a chart and JSON, by PromQL and by metric', async () => {
    await sendSamples('cpu-1');
    await until('the samples are there', async () => {
      const { out } = await reader('query', 'count_over_time(cpu_utilization[1m])', '--json');
      return JSON.parse(out).data.result[0]?.value[1] === '5';
    });
    const instant = await reader('query', 'max_over_time(cpu_utilization[1m])');
    expect(instant.out).toMatch(/^SERIES +VALUE\n\{host_id="cpu-1"\} +50\n$/);
    const range = await reader('query', 'cpu_utilization', '--range', '2m', '--step', '1s');
    expect(range.out).toMatch(/^cpu_utilization\{host_id="cpu-1"\}\n *50 ┤/);
    expect(range.out).toContain('min 10, ');
    const rows = await reader(
      'query',
      'cpu_utilization',
      '--range',
      '2m',
      '--step',
      '1s',
      '--table',
    );
    expect(rows.out).toMatch(/^TIME \(UTC\) +VALUE\n\d{4}-\d\d-\d\d /);
    await until(
      'the host is known',
      async () => (await reader('host', 'show', 'cpu-1')).code === 0,
    );
    const rest = await reader(...'query --metric cpu.utilization --host cpu-1 --json'.split(' '));
    expect(jsonOf(rest)).toMatchObject({ metric: 'cpu.utilization', unit: '%', host_id: 'cpu-1' });
    const show = await reader('host', 'show', 'cpu-1');
    expect(show.out).toMatch(/cpu\.utilization .* 50 /);
  });

  it('says where an expression is wrong, and ends with 2', async () => {
    const said = await reader('query', 'sum(');
    expect(said).toMatchObject({ code: 2, out: '' });
    expect(said.err).toMatch(/^gaugeway: bad_data: .*parse error.*\(request .+\)\n$/);
  });
});

describe('gaugeway login', () => {
  const home = { XDG_CONFIG_HOME: '' };
  const person = (...args: string[]): Promise<Said> => gaugeway(args, { env: home });
  const email = 'ana@example.com';
  let password = '';

  beforeAll(async () => {
    home.XDG_CONFIG_HOME = stage.directory();
    const made = jsonOf(
      await admin('user', 'add', email, '--role', 'Admin', '--generate', '--json'),
    );
    expect(made).toMatchObject({ email, role: 'Admin', status: 'active' });
    password = made.password;
  });

  it('keeps a session and no password in a file of its own, until logout', async () => {
    const login = ['login', '--url', product.url, '--email', email, '--password-stdin'];
    const wrong = await gaugeway(login, { env: home, stdin: 'a-wrong-password\n' });
    expect(wrong).toMatchObject({ code: 4, out: '' });
    const said = await gaugeway(login, { env: home, stdin: `${password}\n` });
    expect(said).toMatchObject({ code: 0, err: '' });
    const file = join(home.XDG_CONFIG_HOME, 'gaugeway', 'login.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(password);
    expect((await person('user', 'list')).out).toContain(email);

    expect(await person('logout')).toMatchObject({ code: 0 });
    const after = await person('user', 'list', '--url', product.url);
    expect(after.code).toBe(4);
    expect(after.err).toContain('log in with `gaugeway login`');
  });

  it('is renewed by one of several commands at once, and none is sent away', async () => {
    const login = ['login', '--url', product.url, '--email', email, '--password-stdin'];
    await gaugeway(login, { env: home, stdin: password });
    const file = join(home.XDG_CONFIG_HOME, 'gaugeway', 'login.json');
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    const before = kept.servers[product.url].refreshToken;
    kept.servers[product.url].accessExpiresAtMs = 0;
    writeFileSync(file, JSON.stringify(kept));
    const said = await Promise.all([1, 2, 3].map(() => person('user', 'list')));
    expect(said.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(JSON.parse(readFileSync(file, 'utf8')).servers[product.url].refreshToken).not.toBe(
      before,
    );
  });

  it('asks at a terminal for the password, which does not appear', async () => {
    const command = `${process.execPath} bin/gaugeway.js login --url ${product.url}`;
    const said = await runProcess('script', ['-qfec', command, '/dev/null'], {
      env: home,
      answers: [
        ['e-mail at ', `${email}\r`],
        ['password: ', `${password}\r`],
      ],
    });
    expect(said.out).toContain(`logged in to ${product.url} as ${email} (Admin)`);
    expect(said.out.slice(said.out.indexOf('password: '))).not.toContain(password);
    expect(said.code).toBe(0);
  });
});

describe('gaugeway user and key', () => {
  it('adds, changes and removes people', async () => {
    const email = 'bob@example.com';
    await admin('user', 'add', email, '--generate');
    expect((await admin('user', 'add', email, '--generate')).code).toBe(6);
    expect(jsonOf(await admin('user', 'role', email, 'Operator', '--json')).role).toBe('Operator');
    expect(jsonOf(await admin('user', 'disable', email, '--json')).status).toBe('disabled');
    expect(jsonOf(await admin('user', 'enable', email, '--json')).status).toBe('active');
    const set = await gaugeway(['user', 'passwd', email, '--password-stdin'], {
      env: { GAUGEWAY_URL: product.url, GAUGEWAY_KEY: adminKey },
      stdin: 'another-long-password\n',
    });
    expect(set).toMatchObject({ code: 0, out: `${email} has a new password\n` });
    expect((await admin('user', 'remove', email, '-y')).code).toBe(0);
    const gone = await admin('user', 'role', email, 'Viewer');
    expect(gone.code).toBe(5);
    expect(gone.err).toContain(`there is no user "${email}"`);
  });

  it('shows a key once, and ends it', async () => {
    const made = await admin(
      'key',
      'create',
      'grafana',
      '--scope',
      'read',
      '--expires',
      '90d',
      '--json',
    );
    const { key } = jsonOf(made);
    expect((await withKey(key, 'host', 'list')).code).toBe(0);
    const next = jsonOf(await admin('key', 'rotate', 'grafana', '--overlap', '0s', '--json'));
    expect((await admin('key', 'list')).out).toMatch(/grafana .* read .* active /);
    expect((await admin('key', 'revoke', next.id, '-y')).code).toBe(0);
    await until(
      'the key is refused',
      async () => (await withKey(next.key, 'host', 'list')).code === 4,
    );
  });

  it('tells who did that', async () => {
    const { entries } = jsonOf(await admin('audit', '--limit', '500', '--json'));
    const actions = entries.map(({ action }: { action: string }) => action);
    for (const action of ['user_created', 'user_deleted', 'key_created', 'key_revoked']) {
      expect(actions).toContain(action);
    }
    expect((await admin('audit', '--limit', '5')).out).toMatch(
      /^TIME \(UTC\) .*\n.*1 to 5 of \d+; --all/s,
    );
  });
});

describe('gaugeway alert', () => {
  it('lists what fires, silences and ends the silence', async () => {
    expect(jsonOf(await reader('alert', 'list', '--json'))).toMatchObject({
      alerts: expect.any(Array),
    });
    const made = await admin(
      'alert',
      'silence',
      'host_id="x"',
      '--for',
      '2h',
      '--comment',
      'c',
      '--json',
    );
    const { id } = jsonOf(made);
    expect((await reader('alert', 'silences', '--state', 'active')).out).toContain('host_id="x"');
    expect((await admin('alert', 'unsilence', id)).code).toBe(0);
    expect((await admin('alert', 'ack', 'no-such-id')).code).toBe(1);
    expect((await reader('alert', 'ack', 'no-such-id')).code).toBe(4);
  });
});

describe('gaugeway report', () => {
  it('writes an export to a file or to standard output, and a link where that is asked for', async () => {
    await sendSamples('cpu-1');
    await until(
      'the host is known',
      async () => (await reader('host', 'show', 'cpu-1')).code === 0,
    );
    const file = join(folder, 'cpu.csv');
    const asked = 'report export --host cpu-1 --metric cpu.utilization --range 15m'.split(' ');
    const said = await reader(...asked, '-o', file);
    expect(said).toMatchObject({ code: 0, out: '' });
    expect(readFileSync(file, 'utf8')).toContain('cpu.utilization');
    const table = await reader('report', 'export', '--table', 'hosts');
    expect(table).toMatchObject({ code: 0, err: '' });
    expect(table.out).toMatch(/^\ufeff?id,hostname,/);
    expect(table.out).toContain('\ncpu-1,cpu-1,');
    expect(jsonOf(await reader(...asked, '--json'))).toMatchObject({
      download_url: expect.stringContaining('/exports/'),
      expires_at: expect.any(String),
    });
    expect((await reader('report', 'export', '--host', 'cpu-1')).code).toBe(2);
    expect((await reader(...asked.with(3, 'nowhere'))).code).toBe(5);
  });

  it('makes the report of a schedule now, waits for it, and fetches its files', async () => {
    const answer = await fetch(`${product.url}/api/v1/reports/schedules`, {
      method: 'POST',
      headers: { authorization: product.adminToken, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'weekly', format: 'csv' }),
    });
    expect(answer.status).toBe(201);
    expect((await reader('report', 'schedules')).out).toMatch(/weekly +yes /);
    const { code, out } = await admin('report', 'run', 'weekly', '--wait', '--json');
    const run = JSON.parse(out);
    expect({ code, status: run.status }).toEqual({ code: 0, status: 'done' });
    expect(jsonOf(await reader('report', 'runs', '--json')).runs[0].id).toBe(run.id);
    const directory = stage.directory();
    expect((await reader('report', 'download', run.id, '-d', directory)).code).toBe(0);
    expect(readdirSync(directory)).toEqual(run.files.map((file: any) => file.file_name));
  });
});

describe('an exit code', () => {
  it.each([
    [2, ['fly']],
    [2, ['host']],
    [2, ['host', 'list', '--fly']],
    [2, ['host', 'list', '--limit', 'many']],
    [2, ['host', 'list', '--timeout', 'soon']],
    [2, ['host', 'tag', 'web-1', 'nonsense']],
    [2, ['query']],
    [2, ['query', 'up', '--step', '30s']],
    [2, ['key', 'create', 'x']],
    [2, ['completion', 'fish']],
    [3, ['host', 'list', '--url', 'http://127.0.0.1:1']],
    [4, ['host', 'list', '--key', 'gwk_wrong']],
    [4, ['user', 'list']],
    [5, ['host', 'show', 'nowhere']],
  ])('is %i for %j', async (code, args) => {
    const said = await reader(...args);
    expect(said.code).toBe(code);
    expect(said.out).toBe('');
    expect(said.err).not.toContain('    at ');
  });

  it('is 0, and nothing is said, where the reader of the output has gone', async () => {
    const command = `{ "${process.execPath}" bin/gaugeway.js reference; echo "code $?" >&2; } | head -n 1`;
    const said = await runProcess('sh', ['-c', command]);
    expect(said).toEqual({ code: 0, out: '# The command line\n', err: 'code 0\n' });
  });
});

describe('gaugeway doctor', () => {
  it('looks at a server, with a state and a hint for each finding', async () => {
    const { findings } = jsonOf(await reader('doctor', '--json'));
    expect(findings.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(['server', 'samples', 'agents', 'rule_problems']),
    );
    for (const finding of findings) {
      expect(Object.keys(finding).sort()).toEqual(['detail', 'hint', 'id', 'state', 'what']);
    }
  });

  it('ends with 1 where something does not work', async () => {
    const said = await reader('doctor', '--url', 'http://127.0.0.1:1');
    expect(said.code).toBe(1);
    expect(said.out).toMatch(
      /^FAILED {2}server: .* cannot be reached: nothing listens there\n +→ /,
    );
  });

  it('looks at this machine and its stores', async () => {
    const env = {
      GAUGEWAY_DATABASE_URL: product.postgres.url,
      GAUGEWAY_DATA_DIR: stage.directory(),
      GAUGEWAY_LISTEN: '127.0.0.1:1',
      GAUGEWAY_SMTP_URL: 'smtp://127.0.0.1:1',
      GAUGEWAY_VICTORIA_1M_URL: 'http://127.0.0.1:1',
    };
    const { code, out } = await gaugeway(['doctor', '--json'], {
      env: { ...env, XDG_CONFIG_HOME: folder },
    });
    const { findings } = JSON.parse(out);
    const states = Object.fromEntries(findings.map(({ id, state }: any) => [id, state]));
    expect(states).toMatchObject({
      ...{ node: 'ok', data_dir: 'ok', postgres: 'ok', smtp: 'failed', victoria_1m: 'failed' },
    });
    expect(states).not.toHaveProperty('victoria_5m');
    expect(code).toBe(1);
  });
});
