import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInstallKit, findRuntime, type InstallKit } from '../../../src/install/index.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const runtimeName = 'node-linux-x64-glibc2.28';

let folder: string;
let kit: InstallKit;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gaugeway-kit-'));
  writeFileSync(join(folder, 'bundle.js'), 'the bundle');
  writeFileSync(join(folder, 'install.sh'), "#!/bin/sh\nserver_url=''\nmain\n");
  writeFileSync(join(folder, 'gaugeway-agent.service'), '[Unit]');
  writeFileSync(join(folder, 'node'), 'a runtime');
  kit = createInstallKit({
    bundle: join(folder, 'bundle.js'),
    folder,
    cacheDir: join(folder, 'cache'),
    runtime: { name: runtimeName, path: join(folder, 'node') },
  });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the install kit', () => {
  it.each([
    ['https://gaugeway.example:8080/', 'https://gaugeway.example:8080'],
    ['https://gaugeway.example/behind/a/proxy/', 'https://gaugeway.example/behind/a/proxy'],
    ["https://gaugeway.example/'; reboot; '", 'https://gaugeway.example/%27;%20reboot;%20%27'],
    ['https://gaugeway.example/$(reboot)$&', 'https://gaugeway.example/$(reboot)$&'],
  ])(
    'writes the address %s into the script, and nothing that ends its quotes',
    async (url, text) => {
      expect(await kit.script(new URL(url))).toBe(`#!/bin/sh\nserver_url='${text}'\nmain\n`);
    },
  );

  it('tells the checksum of each file that is there, of the runtime as it is unpacked', async () => {
    expect(await kit.checksums()).toBe(
      [
        `${sha256('the bundle')}  gaugeway-agent.mjs`,
        `${sha256('[Unit]')}  gaugeway-agent.service`,
        `${sha256('a runtime')}  ${runtimeName}`,
        '',
      ].join('\n'),
    );
  });

  it('reads a file anew that was replaced', async () => {
    const before = await kit.find('gaugeway-agent.mjs');
    writeFileSync(join(folder, 'bundle.js'), 'the newer bundle');
    const after = await kit.find('gaugeway-agent.mjs');
    expect([before?.sha256, after?.sha256]).toEqual([
      sha256('the bundle'),
      sha256('the newer bundle'),
    ]);
  });

  it('packs the runtime once for many that ask at once, and drops what an earlier one left', async () => {
    const cache = join(folder, 'cache');
    await kit.find(`${runtimeName}.gz`);
    writeFileSync(join(folder, 'node'), 'another runtime');
    const found = await Promise.all([1, 2, 3].map(() => kit.find(`${runtimeName}.gz`)));
    expect(new Set(found.map((file) => file?.path)).size).toBe(1);
    expect(gunzipSync(readFileSync(found[0]!.path)).toString()).toBe('another runtime');
    expect(found[0]?.sha256).toBe(sha256('another runtime'));
    expect(readdirSync(cache)).toEqual([`node-${sha256('another runtime')}.gz`]);
  });

  it('fails, and tries again later, where the packed runtime cannot be kept', async () => {
    writeFileSync(join(folder, 'cache'), 'a file in the way');
    await expect(kit.find(`${runtimeName}.gz`)).rejects.toThrow(/EEXIST|ENOTDIR/);
    rmSync(join(folder, 'cache'));
    expect(await kit.find(`${runtimeName}.gz`)).toBeDefined();
  });

  it.each(['../kit.ts', 'node', 'install.sh', 'SHA256SUMS', '', 'constructor', runtimeName])(
    'has no file "%s"',
    async (name) => expect(await kit.find(name)).toBeUndefined(),
  );

  it('has neither script nor bundle where they were not built', async () => {
    const empty = createInstallKit({
      ...{ bundle: '/nowhere/agent.js', folder: '/nowhere', cacheDir: '/nowhere' },
      runtime: undefined,
    });
    expect(await empty.script(new URL('https://gaugeway.example'))).toBeUndefined();
    expect(await empty.checksums()).toBe('');
    expect(await empty.find('gaugeway-agent.mjs')).toBeUndefined();
  });

  it('fills the line of the real script', async () => {
    const real = createInstallKit({
      ...{ bundle: '', folder: 'exporter-agent/install', cacheDir: '', runtime: undefined },
    });
    const script = await real.script(new URL('https://gaugeway.example'));
    expect(script).toContain("\nserver_url='https://gaugeway.example'\n");
    expect(script).not.toContain("server_url=''");
  });
});

describe("the server's own Node", () => {
  const facts = {
    ...{ platform: 'linux', arch: 'x64', execPath: '/usr/bin/node' },
    config: { variables: { node_shared: false } },
    report: { getReport: () => ({ header: { glibcVersionCompiler: '2.28' } }) },
  };

  it('is named by what it needs', () => {
    expect(findRuntime(facts)).toEqual({ name: runtimeName, path: '/usr/bin/node' });
  });

  it('of a musl system says so', () => {
    const report = { getReport: () => ({ header: {} }) };
    expect(findRuntime({ ...facts, arch: 'arm64', report })?.name).toBe('node-linux-arm64-musl');
  });

  it('is of no use to others when it is in two files, or not for Linux', () => {
    const config = { variables: { node_shared: true } };
    expect(findRuntime({ ...facts, config })).toBeUndefined();
    expect(findRuntime({ ...facts, platform: 'darwin' })).toBeUndefined();
  });

  it('is found in this very process', () => {
    expect(findRuntime(process)?.name).toMatch(/^node-linux-\w+-(glibc\d+\.\d+|musl)$/);
  });
});
