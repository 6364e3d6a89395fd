import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installRoutes } from '../../src/http/index.ts';
import { createInstallKit } from '../../src/install/index.ts';
import { serve } from '../support/http.ts';
import {
  freePort,
  postJson,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';
import { openUserland, type Userland } from '../support/userland.ts';

const show = 'systemctl show --value --property';
const ownFiles = () =>
  ['/etc/machine-id', '/usr/local/bin/gaugeway-agent', '/opt/gaugeway-agent/install.sh'].map(
    (file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined),
  );
const before = ownFiles();
let house: Stage;
let product: Product;
let stage: Stage;
let host: Userland;

beforeAll(async () => {
  house = new Stage();
  product = await startProduct(house, await startStorage(house));
});
afterAll(async () => {
  await house.end();
  // Whatever is done to a fresh host is done in its namespace.
  expect(ownFiles()).toEqual(before);
});

beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

async function newToken(more: object = {}): Promise<{ token: string; install: string }> {
  const made = await postJson(
    `${product.url}/api/v1/agents/tokens`,
    { name: 'fresh', ...more },
    product.adminToken,
  );
  return { token: made['token'] ?? '', install: made['install'] ?? '' };
}

async function seriesOf(hostId: string): Promise<string[]> {
  const query = encodeURIComponent(`{host_id="${hostId}"}`);
  const answer = await fetch(`${product.url}/api/v1/query?query=${query}`, {
    headers: { authorization: `Bearer ${product.readKey}` },
  });
  const { data } = (await answer.json()) as {
    data: { result: { metric: { __name__: string } }[] };
  };
  return data.result.map(({ metric }) => metric.__name__);
}

const arrived = (hostId: string) =>
  until(`series of ${hostId} arrive`, async () =>
    (await seriesOf(hostId)).includes('cpu_utilization'),
  );

const files = (where: Userland) =>
  where.must(
    'find / -xdev ! -path "/proc/*" ! -path "/sys/*" ! -path "/run/*" ! -path "/var/log/*" | sort',
  );

const stateOf = (where: Userland) =>
  where.must('cat /var/lib/gaugeway-agent/host-id; sha256sum </var/lib/gaugeway-agent/key');

describe('a fresh Debian without Node', () => {
  it('gets the agent by the one line, its series arrive, and uninstalling leaves nothing', async () => {
    host = await openUserland(stage, 'none');
    const before = await files(host);
    expect((await host.run('node --version')).code).not.toBe(0);
    const { token, install } = await newToken();
    expect(await host.must(install)).toContain('gaugeway-agent run');

    const hostId = (await host.must('cat /var/lib/gaugeway-agent/host-id')).trim();
    await host.must('setsid gaugeway-agent run >/tmp/agent.log 2>&1 & echo $! >/tmp/agent.pid');
    await arrived(hostId);
    expect(await host.must('stat -c %a /var/lib/gaugeway-agent /var/lib/gaugeway-agent/key')).toBe(
      '700\n600\n',
    );
    expect((await host.run(`grep -rlF ${token} /etc /opt /var /usr/local /root`)).output).toBe('');
    await host.must('kill $(cat /tmp/agent.pid)');
    await until(
      'the agent has ended',
      async () => (await host.run('kill -0 $(cat /tmp/agent.pid)')).code !== 0,
    );

    await host.must('sh /opt/gaugeway-agent/install.sh --uninstall --purge');
    await host.must('rm /tmp/agent.*');
    expect(await files(host)).toBe(before);
  });

  it('is upgraded by the same line without a token, and stays the same host', async () => {
    host = await openUserland(stage, 'none');
    await host.must((await newToken()).install);
    const before = await stateOf(host);
    await host.must('echo GAUGEWAY_AGENT_INTERVAL_SECONDS=10 >>/etc/gaugeway-agent/agent.env');
    await host.must('echo old >/opt/gaugeway-agent/gaugeway-agent.mjs');
    const again = await host.must(`curl -fsSL ${product.url}/install.sh | sh`);
    expect(again).not.toContain('fetching Node');
    expect(await stateOf(host)).toBe(before);
    expect(await host.must('gaugeway-agent print-config')).toContain('interval_seconds: 10\n');
  });

  it('keeps its key when the line comes with another token, and takes a new one when that was revoked', async () => {
    host = await openUserland(stage, 'none');
    await host.must((await newToken()).install);
    const before = await stateOf(host);
    await host.must((await newToken()).install);
    expect(await stateOf(host)).toBe(before);
    await host.must('echo gwk_revoked >/var/lib/gaugeway-agent/key');
    await host.must((await newToken()).install);
    const [hostId, key] = (await stateOf(host)).split('\n');
    expect(hostId).toBe(before.split('\n')[0]);
    expect(key).not.toBe(before.split('\n')[1]);
    expect((await host.run('gaugeway-agent check')).code).toBe(0);
  });

  it('is told why a token is refused, and nothing is left behind', async () => {
    host = await openUserland(stage, 'none');
    const before = await files(host);
    const { code, output } = await host.run(
      `curl -fsSL ${product.url}/install.sh | sh -s -- --token enr_of_nobody`,
    );
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/enrolment token.*\n.*did not enrol/is),
    ]);
    expect(await files(host)).toBe(before);
  });

  it('without a token is told that it needs one, before anything is fetched', async () => {
    host = await openUserland(stage, 'none');
    const { code, output } = await host.run(`curl -fsSL ${product.url}/install.sh | sh`);
    expect([code, output]).toEqual([1, expect.stringContaining('--token is needed')]);
  });

  it("whose glibc is too old for the server's Node is told the ways out, and nothing is left behind", async () => {
    host = await openUserland(stage, 'none');
    await host.must(
      `printf '#!/bin/sh\\necho glibc 2.17\\n' >/usr/local/bin/getconf; chmod +x /usr/local/bin/getconf`,
    );
    const before = await files(host);
    const { code, output } = await host.run((await newToken()).install);
    expect(code).toBe(1);
    expect(output).toMatch(/needs glibc2\.\d+ while this host has glibc 2\.17\. Ways out: /);
    expect(await files(host)).toBe(before);
  });
});

describe('the line that npm start prints', () => {
  it('puts the agent onto a fresh host as it stands', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${String(port)}`;
    const child = spawn(process.execPath, ['bin/start.js'], {
      env: {
        ...process.env,
        ...{ GAUGEWAY_LISTEN: `127.0.0.1:${String(port)}`, GAUGEWAY_PUBLIC_URL: url },
        ...{ GAUGEWAY_DATA_DIR: stage.directory(), GAUGEWAY_LOCAL_AGENT: 'false' },
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    stage.onEnd(() => {
      child.kill('SIGTERM');
      return ended;
    });
    let printed = '';
    child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
    await until('it is ready', () => Promise.resolve(printed.includes('Ctrl-C')));
    const line = /^ +(curl .*install\.sh.*)$/m.exec(printed)?.[1] ?? '';
    host = await openUserland(stage, 'none');
    await host.must(
      `printf '#!/bin/sh\\nexec "$@"\\n' >/usr/local/bin/sudo; chmod +x /usr/local/bin/sudo`,
    );
    expect(await host.must(line)).toContain('the agent is installed');
    expect(await host.must('gaugeway-agent check')).toContain(`ok    server ${url}`);
  });
});

describe('a Debian that systemd has booted', () => {
  beforeEach(async () => {
    host = await openUserland(stage, 'systemd');
  });

  it('runs the agent as a service with a user of its own and no rights, and its series arrive', async () => {
    const before = await files(host);
    expect(await host.must((await newToken()).install)).toContain('the agent runs');
    const hostId = (await host.must('cat /var/lib/gaugeway-agent/host-id')).trim();
    await arrived(hostId);
    const pid = (await host.must(`${show}=MainPID gaugeway-agent`)).trim();
    const status = await host.must(`cat /proc/${pid}/status`);
    expect(Number(/^Uid:\t(\d+)/m.exec(status)?.[1])).toBeGreaterThan(60_000);
    expect(status).toMatch(/^CapBnd:\t0{16}$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(await host.must('stat -c %a /var/lib/private/gaugeway-agent/key')).toBe('600\n');

    await host.must('sh /opt/gaugeway-agent/install.sh --uninstall --purge');
    expect((await host.run('systemctl status gaugeway-agent')).code).toBe(4);
    expect(await files(host)).toBe(before);
  });

  it('is left running by the same line, restarted by a change, and enrolled again where its key is gone', async () => {
    await host.must((await newToken()).install);
    const before = await stateOf(host);
    const pid = await host.must(`${show}=MainPID gaugeway-agent`);
    expect(await host.must(`curl -fsSL ${product.url}/install.sh | sh`)).toContain('up to date');
    expect(await host.must(`${show}=MainPID gaugeway-agent`)).toBe(pid);
    await host.must(`curl -fsSL ${product.url}/install.sh | sh -s -- --profile lean`);
    expect(await host.must(`${show}=MainPID gaugeway-agent`)).not.toBe(pid);
    expect(await stateOf(host)).toBe(before);
    // What root writes into the state must be the service's, or it would not start.
    await host.must('rm /var/lib/gaugeway-agent/key');
    await host.must((await newToken()).install);
    expect((await stateOf(host)).split('\n')[0]).toBe(before.split('\n')[0]);
    expect(await host.must('systemctl is-active gaugeway-agent')).toBe('active\n');
    expect(await host.must('find /var/lib/private/gaugeway-agent -user root')).toBe('');
  });

  it('comes back by itself after kill -9', async () => {
    await host.must((await newToken()).install);
    const first = await host.must(`${show}=MainPID gaugeway-agent`);
    await host.must('systemctl kill --signal=KILL gaugeway-agent');
    await until('another process runs', async () => {
      const now = await host.must(`${show}=MainPID gaugeway-agent`);
      return now !== '0\n' && now !== first;
    });
  });

  it.each([
    ['does not start', 'process.exit(1);'],
    // Good in the check, and at an end once it runs.
    ['does not stay up', 'if (process.argv[2] === "run") process.exit(1);'],
  ])('keeps the old agent where the new one %s', async (_what, bundle) => {
    await host.must((await newToken()).install);
    const before = await host.must('sha256sum /opt/gaugeway-agent/* /etc/gaugeway-agent/*');
    const broken = await serveBroken(bundle);
    const { code, output } = await host.run(`curl -fsSL ${broken}/install.sh | sh`);
    expect(code).toBe(1);
    expect(output).toMatch(/Nothing was replaced|the old agent is back/);
    expect(await host.must('sha256sum /opt/gaugeway-agent/* /etc/gaugeway-agent/*')).toBe(before);
    await until(
      'the old agent runs',
      async () => (await host.run('systemctl is-active gaugeway-agent')).output === 'active\n',
    );
  });

  it('has a unit that systemd finds no fault with, rated 2.0 or better with and without cards', async () => {
    await host.must((await newToken()).install);
    const rate = 'systemd-analyze security --offline=true --threshold=20 gaugeway-agent.service';
    expect(await host.must('systemd-analyze verify gaugeway-agent.service')).toBe('');
    expect(await host.must(rate)).toMatch(/^\+ PrivateDevices=/m);
    await host.must(': >/dev/nvidiactl');
    await host.must(`curl -fsSL ${product.url}/install.sh | sh`);
    expect(await host.must('systemd-analyze verify gaugeway-agent.service')).toBe('');
    expect(await host.must(rate)).toMatch(/^- PrivateDevices=/m);
    expect(await host.must(`${show}=DeviceAllow gaugeway-agent`)).toContain('char-nvidia rw');
  });
});

/** A server that hands out the bundle it is told, and nothing else. */
async function serveBroken(bundle: string): Promise<string> {
  const file = join(stage.directory(), 'agent.js');
  writeFileSync(file, bundle);
  const kit = createInstallKit({
    ...{ bundle: file, folder: 'exporter-agent/install', cacheDir: stage.directory() },
    runtime: undefined,
  });
  const server = await serve({
    routes: installRoutes({ kit, publicUrl: undefined }),
    authenticate: () => ({ ok: false, reason: 'missing' }),
  });
  stage.onEnd(() => server.close());
  return server.url;
}
