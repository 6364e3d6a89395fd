import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureInstallPeers } from '../../bin/peers.js';
import { installRoutes } from '../../src/http/index.ts';
import { createInstallKit, findRuntime } from '../../src/install/index.ts';
import { serve, type TestServer } from '../support/http.ts';

const source = 'exporter-agent/install/install.sh';
const shells = ['dash', 'busybox sh'];
/** Holds the packed Node, which is made once. */
let runtimes: string;
let folder: string;
let root: string;
let server: TestServer;

beforeAll(() => {
  ensureInstallPeers();
  runtimes = mkdtempSync(join(tmpdir(), 'gaugeway-runtimes-'));
});
afterAll(() => rmSync(runtimes, { recursive: true, force: true }));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gaugeway-script-'));
  root = join(folder, 'image');
  writeFileSync(join(folder, 'agent.js'), 'export {};\n');
  const kit = createInstallKit({
    ...{ bundle: join(folder, 'agent.js'), folder: 'exporter-agent/install' },
    ...{ cacheDir: runtimes, runtime: findRuntime(process) },
  });
  server = await serve({
    routes: installRoutes({ kit, publicUrl: undefined }),
    authenticate: () => ({ ok: false, reason: 'missing' }),
  });
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  code: number | null;
  output: string;
}

/** As the one line does: the script comes by a pipe. */
function run(
  shell: string,
  text: string,
  args: string[],
  path = process.env['PATH'],
): Promise<Ran> {
  const [command = '', ...words] = shell.split(' ');
  const child = spawn(command, [...words, '-s', '--', ...args], { env: { PATH: path } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => (output += data.toString()));
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end(text);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

const script = async (from: string = server.url) => (await fetch(`${from}/install.sh`)).text();
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('install.sh', () => {
  it('has nothing that shellcheck would object to', () => {
    const { stdout, status } = spawnSync('shellcheck', ['--shell=sh', source], {
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([0, '']);
  });

  it.each([1, 2, 5, 10, 40, 200, 1_000, 5_000, 12_000])(
    'does nothing when the download is cut %i bytes before its end',
    async (bytes) => {
      const text = (await script()).trimEnd();
      await run('dash', text.slice(0, -bytes), ['--root', root, '--node', process.execPath]);
      expect(existsSync(root)).toBe(false);
    },
  );

  it.each(shells)('puts everything where it belongs, and nothing else (%s)', async (shell) => {
    const { code, output } = await run(shell, await script(), [
      ...['--root', root, '--node', process.execPath, '--host-id=web-1', '--profile', 'core'],
    ]);
    expect([code, output]).toEqual([0, expect.stringContaining(`server:   ${server.url}\n`)]);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (name) => !statSync(join(root, name)).isDirectory(),
    );
    expect(files.filter((name) => !name.includes('.service.d')).sort()).toEqual([
      'etc/gaugeway-agent/agent.env',
      'etc/systemd/system/gaugeway-agent.service',
      'opt/gaugeway-agent/gaugeway-agent.mjs',
      'opt/gaugeway-agent/install.sh',
      'opt/gaugeway-agent/node',
      'usr/local/bin/gaugeway-agent',
    ]);
    expect(readlinkSync(join(root, 'opt/gaugeway-agent/node'))).toBe(process.execPath);
    const options = read('etc/gaugeway-agent/agent.env').split('\n').slice(2);
    expect(options).toEqual([
      `GAUGEWAY_AGENT_URL=${server.url}`,
      'GAUGEWAY_AGENT_HOST_ID=web-1',
      'GAUGEWAY_AGENT_PROFILE=core',
      '',
    ]);
    expect(statSync(join(root, 'etc/gaugeway-agent/agent.env')).mode & 0o777).toBe(0o600);
    expect(read('opt/gaugeway-agent/install.sh')).toBe(await script());
  });

  it.each(shells)("fetches the server's Node once (%s)", async (shell) => {
    const args = ['--root', root, '--node', 'server'];
    expect((await run(shell, await script(), args)).output).toContain('fetching Node');
    const node = join(root, 'opt/gaugeway-agent/node');
    const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout;
    expect(version).toBe(`${process.version}\n`);
    expect((await run(shell, await script(), args)).output).not.toContain('fetching Node');
  });

  it('works with wget where there is no curl', async () => {
    const bin = join(folder, 'bin');
    const wanted = [
      'uname',
      'id',
      'sha256sum',
      'wget',
      'mktemp',
      'mkdir',
      'mv',
      'rm',
      'rmdir',
      'ln',
    ];
    const more = ['cp', 'cat', 'chmod', 'grep', 'sleep', 'gzip', 'ls'];
    spawnSync('mkdir', [bin]);
    for (const name of [...wanted, ...more]) {
      const found = spawnSync('sh', ['-c', `command -v ${name}`], {
        encoding: 'utf8',
      }).stdout.trim();
      spawnSync('ln', ['-s', found, join(bin, name)]);
    }
    const args = ['--root', root, '--node', process.execPath];
    const dash = spawnSync('sh', ['-c', 'command -v dash'], { encoding: 'utf8' }).stdout.trim();
    const { code, output } = await run(dash, await script(), args, bin);
    expect([code, output]).toEqual([0, expect.stringContaining('the files are below')]);
  });

  it.each(shells)(
    'keeps what was set by hand, and its own options of before (%s)',
    async (shell) => {
      const args = ['--root', root, '--node', process.execPath];
      await run(shell, await script(), [...args, '--host-id', 'web-1']);
      const file = join(root, 'etc/gaugeway-agent/agent.env');
      writeFileSync(
        file,
        `${read('etc/gaugeway-agent/agent.env')}GAUGEWAY_AGENT_LOG_LEVEL=debug\n`,
      );
      await run(shell, await script(), [...args, '--host-id', 'web-2']);
      expect(read('etc/gaugeway-agent/agent.env').split('\n').slice(2).sort()).toEqual([
        '',
        'GAUGEWAY_AGENT_HOST_ID=web-2',
        'GAUGEWAY_AGENT_LOG_LEVEL=debug',
        `GAUGEWAY_AGENT_URL=${server.url}`,
      ]);
    },
  );

  it('takes the certificate authority with it', async () => {
    const ca = join(folder, 'ca of ours.pem');
    writeFileSync(ca, 'a certificate');
    await run('dash', await script(), [
      '--root',
      root,
      '--node',
      process.execPath,
      '--ca-file',
      ca,
    ]);
    expect(read('etc/gaugeway-agent/ca.pem')).toBe('a certificate');
    expect(read('etc/gaugeway-agent/agent.env')).toContain(
      'GAUGEWAY_AGENT_CA_FILE=/etc/gaugeway-agent/ca.pem\n',
    );
  });

  it('trusts the certificate authority it is given, and no other server', async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1'],
    ]);
    const kit = createInstallKit({
      ...{ bundle: join(folder, 'agent.js'), folder: 'exporter-agent/install' },
      ...{ cacheDir: folder, runtime: undefined },
    });
    const secure = await serve({
      routes: installRoutes({ kit, publicUrl: undefined }),
      authenticate: () => ({ ok: false, reason: 'missing' }),
      tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') },
    });
    const args = ['--root', root, '--node', process.execPath, '--url', secure.url];
    const without = await run('dash', await script(), args);
    const given = await run('dash', await script(), [...args, '--ca-file', cert]);
    const again = await run('dash', await script(), args);
    await secure.close();
    expect(again.code).toBe(0);
    expect([without.code, without.output]).toEqual([
      1,
      expect.stringContaining('cannot be fetched'),
    ]);
    expect(given.code).toBe(0);
    expect(read('etc/gaugeway-agent/ca.pem')).toBe(readFileSync(cert, 'utf8'));
  });

  it.each(shells)('removes what it made (%s)', async (shell) => {
    const args = ['--root', root, '--node', process.execPath];
    await run(shell, await script(), args);
    await run(shell, await script(), ['--root', root, '--uninstall']);
    expect(existsSync(join(root, 'opt/gaugeway-agent'))).toBe(false);
    expect(existsSync(join(root, 'etc/gaugeway-agent/agent.env'))).toBe(true);
    await run(shell, await script(), ['--root', root, '--uninstall', '--purge']);
    const left = readdirSync(root, { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => name.includes('gaugeway'))).toEqual([]);
  });

  it("leaves a command of somebody else's alone", async () => {
    spawnSync('mkdir', ['-p', join(root, 'usr/local/bin')]);
    writeFileSync(join(root, 'usr/local/bin/gaugeway-agent'), 'mine');
    await run('dash', await script(), ['--root', root, '--uninstall']);
    expect(read('usr/local/bin/gaugeway-agent')).toBe('mine');
  });

  it('says what it would do, and does nothing', async () => {
    const { code, output } = await run('dash', await script(), ['--root', root, '--dry-run']);
    expect([code, output]).toEqual([0, expect.stringContaining('nothing was done')]);
    expect(existsSync(root)).toBe(false);
  });

  it.each([
    [['--token'], '--token wants a value'],
    [['--token='], '--token wants a value'],
    [['--surprise'], 'unknown option --surprise'],
    [['--surprise=1'], 'unknown option --surprise'],
    [['--purge'], '--purge goes with --uninstall'],
    [['--url', 'ftp://x'], '--url wants https://'],
    [['--url', 'http://gaugeway.example'], 'has no TLS'],
    [['--node', '/bin/false'], '/bin/false is no Node'],
    [['--ca-file', '/nowhere'], '/nowhere cannot be read'],
    [['--host-id', 'a b'], 'has a character that GAUGEWAY_AGENT_HOST_ID cannot have'],
    [['--host-id', "a'b"], 'has a character that GAUGEWAY_AGENT_HOST_ID cannot have'],
    [['--host-id', '$(reboot)'], 'has a character that GAUGEWAY_AGENT_HOST_ID cannot have'],
  ])('refuses %j and changes nothing', async (args, message) => {
    const { code, output } = await run('dash', await script(), [
      ...['--root', root, '--node', process.execPath, ...args],
    ]);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
    expect(output).not.toMatch(/not found|syntax/i);
    const left = existsSync(root) ? readdirSync(root, { recursive: true }) : [];
    expect(left.filter((name) => String(name).includes('gaugeway'))).toEqual([]);
  });

  it('without root rights says how', async () => {
    const id = join(folder, 'id');
    writeFileSync(id, '#!/bin/sh\necho 1000\n');
    chmodSync(id, 0o755);
    const path = `${folder}:${process.env['PATH'] ?? ''}`;
    const { code, output } = await run('dash', await script(), [], path);
    expect([code, output]).toEqual([1, expect.stringContaining('sudo')]);
  });
});

describe('install.sh, when the server is not right,', () => {
  let liar: Server;
  let answer: (path: string) => [number, string];

  beforeEach(async () => {
    liar = createServer((req, res) => {
      const [status, body] = answer(req.url ?? '');
      res.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => liar.close(resolve)));

  const liarUrl = () => `http://127.0.0.1:${String((liar.address() as AddressInfo).port)}`;
  const tryIt = async () =>
    run('dash', await script(), [
      ...['--root', root, '--node', process.execPath, '--url', liarUrl()],
    ]);

  it('refuses a file that is not what was announced', async () => {
    answer = () => [200, 'something'];
    const { code, output } = await tryIt();
    expect([code, output]).toEqual([
      1,
      expect.stringContaining('is not what the server announced'),
    ]);
    expect(existsSync(join(root, 'opt/gaugeway-agent'))).toBe(false);
  });

  it('comes again where it is busy, and gives up with its name', { timeout: 60_000 }, async () => {
    let asked = 0;
    answer = () => {
      asked += 1;
      return [503, ''];
    };
    const { code, output } = await tryIt();
    expect([code, asked, output]).toEqual([
      ...[1, 4, expect.stringContaining(`${liarUrl()}/install/SHA256SUMS cannot be fetched`)],
    ]);
    expect(existsSync(join(root, 'opt/gaugeway-agent'))).toBe(false);
  });
});
