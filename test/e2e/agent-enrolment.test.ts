import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildAgent } from '../../exporter-agent/build.js';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';

const flags = ['--jitless', '--max-semi-space-size=1', '--no-node-snapshot'];
const stage = new Stage();
let product: Product;
let bundle: string;

interface Answer {
  status: number;
  headers: Headers;
  body: any;
}

async function call(
  method: string,
  path: string,
  authorization: string,
  body?: unknown,
): Promise<Answer> {
  const answer = await fetch(product.url + path, {
    method,
    headers: {
      authorization,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const { status, headers } = answer;
  return { status, headers, body: text === '' ? undefined : JSON.parse(text) };
}

const asAdmin = (method: string, path: string, body?: unknown): Promise<Answer> =>
  call(method, path, product.adminToken, body);

interface Found {
  metric: Record<string, string>;
  value: [number, string];
}

async function query(text: string, atSeconds?: number): Promise<Found[]> {
  const time = atSeconds === undefined ? '' : `&time=${atSeconds}`;
  const path = `/api/v1/query?query=${encodeURIComponent(text)}${time}`;
  const { body } = await call('GET', path, `Bearer ${product.readKey}`);
  return body.data.result;
}

const environment = (stateDir: string, more: Record<string, string> = {}) => ({
  PATH: process.env['PATH'] ?? '',
  GAUGEWAY_AGENT_URL: product.url,
  GAUGEWAY_AGENT_STATE_DIR: stateDir,
  GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
  ...more,
});

async function newToken(more: object = {}): Promise<string> {
  const made = await asAdmin('POST', '/api/v1/agents/tokens', more);
  expect(made.status).toBe(201);
  return made.body.token;
}

/** Runs `enroll` to its end, the token on standard input. */
function enroll(stateDir: string, token: string) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, bundle, 'enroll', '--token-file', '-'],
    { env: environment(stateDir), input: `${token}\n`, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

interface RunningAgent {
  child: ChildProcess;
  said: () => string;
}

function run(stateDir: string, more: Record<string, string> = {}): RunningAgent {
  const child = spawn(process.execPath, [...flags, bundle, 'run'], {
    env: environment(stateDir, more),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  stage.onEnd(() => stop(child, 'SIGKILL'));
  return { child, said: () => said };
}

async function stop(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

/** The same machine as it would look from a copy of its disk that runs elsewhere since long ago. */
function proclikeOf(bootId: string): string {
  const directory = stage.directory();
  for (const name of ['stat', 'meminfo', 'loadavg', 'diskstats', 'vmstat', '1', 'self']) {
    fs.symlinkSync(`/proc/${name}`, join(directory, name));
  }
  fs.mkdirSync(join(directory, 'sys/kernel/random'), { recursive: true });
  fs.writeFileSync(join(directory, 'sys/kernel/random/boot_id'), `${bootId}\n`);
  fs.writeFileSync(join(directory, 'uptime'), '9999999.00 1.00\n');
  return directory;
}

const read = (path: string): string => fs.readFileSync(path, 'utf8').trim();
const agentOf = async (hostId: string) => (await asAdmin('GET', `/api/v1/agents/${hostId}`)).body;

beforeAll(async () => {
  const storage = await startStorage(stage);
  product = await startProduct(stage, storage);
  bundle = join(stage.directory(), 'gaugeway-agent.mjs');
  await buildAgent(bundle);
});

afterAll(() => stage.end());

describe('an agent from its token to its end', () => {
  let stateDir: string;
  let hostId: string;
  let agent: RunningAgent;

  it('enrols with a token from standard input, once, and again without harm', async () => {
    stateDir = join(stage.directory(), 'state');
    const token = await newToken({ tags: { role: 'web' } });
    const first = enroll(stateDir, token);
    expect(first).toMatchObject({ status: 0, stdout: expect.stringMatching(/^enrolled as /) });
    hostId = read(join(stateDir, 'host-id'));
    expect(fs.statSync(join(stateDir, 'key')).mode & 0o777).toBe(0o600);
    const second = enroll(stateDir, 'enr_of-no-use');
    expect(second).toMatchObject({ status: 0, stdout: `enrolled already as ${hostId}\n` });
    const other = enroll(join(stage.directory(), 'other'), 'enr_of-no-use');
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining('malformed') });
  });

  it('runs with the key of its state directory; its series have the tags of the token', async () => {
    agent = run(stateDir);
    await until('its series can be queried', async () => {
      const found = await query(`agent_heartbeat_timestamp_seconds{host_id="${hostId}"}`);
      return found[0]?.metric['role'] === 'web';
    });
    expect(await agentOf(hostId)).toMatchObject({
      ...{ host_id: hostId, status: 'ok', version: expect.any(String), last_error: null },
      buffer: { bytes: 0, oldest_age_seconds: null, dropped_batches: 0 },
      cost: { rss_bytes: expect.any(Number), budget: { rss_bytes: 50_000_000 } },
      config: { wanted: '0', applied: '0', error: null },
      ...{ key_rotation: 'none', clone: null },
    });
  });

  it('runs what is pushed from the next tick on, and reports it', async () => {
    const pushed = { interval_seconds: 2, collectors_off: ['loadavg', 'not-known-here'] };
    const bad = await asAdmin('PUT', `/api/v1/agents/${hostId}/config`, { interval: 2 });
    expect(bad.status).toBe(400);
    const refused = await asAdmin('PUT', `/api/v1/agents/${hostId}/config`, pushed);
    expect(refused.status).toBe(400);
    const good = { ...pushed, collectors_off: ['loadavg', 'not_known_here'] };
    const put = await asAdmin('PUT', `/api/v1/agents/${hostId}/config`, good);
    expect(put.status).toBe(200);
    const { version } = put.body.effective;
    const isApplied = () =>
      agent
        .said()
        .split('\n')
        .filter((line) => line.includes('configuration from the server applied'))
        .some((line) => JSON.parse(line).version === version);
    // Long before the next heartbeat, which is up to 30 s away: the answer to a write told of it.
    await until('it is applied', () => Promise.resolve(isApplied()), 10_000);
    await until('it is reported', async () => (await agentOf(hostId)).config.applied === version);
    await until('the collector is off', async () => {
      const found = await query(`agent_collector_success{host_id="${hostId}"}`);
      return found.length > 3 && found.every(({ metric }) => metric['collector'] !== 'loadavg');
    });
    expect(JSON.parse(read(join(stateDir, 'remote-config.json')))).toMatchObject({ version });
  });

  it('starts with the last good configuration while the server is away', async () => {
    await stop(agent.child, 'SIGTERM');
    agent = run(stateDir, { GAUGEWAY_AGENT_URL: 'http://127.0.0.1:9' });
    await until('it sends', () => Promise.resolve(agent.said().includes('heartbeat fails')));
    const kept = JSON.parse(read(join(stateDir, 'remote-config.json')));
    expect(kept).toMatchObject({ interval_seconds: 2 });
    await stop(agent.child, 'SIGTERM');
    agent = run(stateDir);
    await until('it reports', async () => {
      const { config } = await agentOf(hostId);
      return config.applied === kept.version;
    });
  });

  it('takes a new key by header; the old one is dead once the new one is seen', async () => {
    const old = read(join(stateDir, 'key'));
    expect((await asAdmin('POST', `/api/v1/agents/${hostId}/rotate-key`)).status).toBe(202);
    await until('the key is replaced', () => Promise.resolve(read(join(stateDir, 'key')) !== old));
    const isDead = async () =>
      (await call('GET', '/api/v1/agents/self/config', `Bearer ${old}`)).status === 401;
    await until('the old key is dead', isDead);
    const fresh = read(join(stateDir, 'key'));
    expect((await call('GET', '/api/v1/agents/self/config', `Bearer ${fresh}`)).status).toBe(200);
    expect(await agentOf(hostId)).toMatchObject({
      ...{ key_rotation: 'none', clock_offset_ms: expect.any(Number) },
    });
    for (const text of [agent.said(), product.said()]) {
      expect(text).not.toContain(fresh);
      expect(text).not.toContain(old);
    }
    const afterSeconds = Date.now() / 1000;
    await until('it goes on sending', async () => {
      const found = await query(`agent_heartbeat_timestamp_seconds{host_id="${hostId}"}`);
      return Number(found[0]?.value[1]) > afterSeconds;
    });
  });

  it('keeps a running copy of its disk out until an administrator approves it', async () => {
    const copy = join(stage.directory(), 'copy');
    fs.cpSync(stateDir, copy, { recursive: true });
    const clone = run(copy, { GAUGEWAY_AGENT_PROCFS: proclikeOf('a-second-machine') });
    await until('it is refused', () =>
      Promise.resolve(clone.said().includes('another machine with this identity')),
    );
    expect(await agentOf(hostId)).toMatchObject({ status: 'clone' });
    const listed = await asAdmin('GET', '/api/v1/agents?status=clone');
    expect(listed.body).toMatchObject({ total: 1, agents: [{ host_id: hostId }] });
    const enrolment = spawnSync(
      process.execPath,
      [...flags, bundle, 'enroll', '--token', await newToken()],
      {
        env: environment(join(stage.directory(), 'fresh'), {
          GAUGEWAY_AGENT_PROCFS: proclikeOf('a-second-machine'),
        }),
        encoding: 'utf8',
      },
    );
    expect(enrolment).toMatchObject({
      ...{ status: 1, stderr: expect.stringContaining('cloned_machine') },
    });
    expect((await asAdmin('POST', `/api/v1/agents/${hostId}/approve`)).status).toBe(204);
    expect((await asAdmin('POST', `/api/v1/agents/${hostId}/approve`)).status).toBe(409);
    await until('the copy may send', () =>
      Promise.resolve(clone.said().includes('this machine may send again')),
    );
    await until('the first is refused in turn', () =>
      Promise.resolve(agent.said().includes('another machine with this identity')),
    );
    await stop(clone.child, 'SIGTERM');
  });

  it('that ended is found silent by PromQL two minutes later, and not before', async () => {
    await stop(agent.child, 'SIGTERM');
    const silent =
      'time() - max by (host_id) (last_over_time(agent_heartbeat_timestamp_seconds[1d])) > 120';
    const nowSeconds = Date.now() / 1000;
    expect(await query(silent, nowSeconds)).toEqual([]);
    const later = await query(silent, nowSeconds + 180);
    expect(later.map(({ metric }) => metric)).toEqual([{ host_id: hostId }]);
  });

  it('leaves an audit row for each thing that an administrator or a machine did', async () => {
    const { body } = await asAdmin('GET', '/api/v1/audit?limit=500');
    const actions = new Set(body.entries?.map((entry: any) => entry.action));
    for (const action of [
      ...['agent_token_created', 'agent_enrolled', 'agent_config_updated'],
      ...['agent_key_rotated', 'agent_approved'],
    ]) {
      expect(actions).toContain(action);
    }
  });
});
