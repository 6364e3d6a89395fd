import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, printConfig } from '../../../../exporter-agent/config/load.ts';
import { parseArguments } from '../../../../exporter-agent/process.ts';
import {
  loadRemoteConfig,
  parseRemoteConfig,
  saveRemoteConfig,
} from '../../../../exporter-agent/config/remote.ts';

let directory = '';
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'gaugeway-agent-config-'))));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const url = { GAUGEWAY_AGENT_URL: 'https://gaugeway.example' };
const load = (env: Record<string, string>, yaml?: string) => {
  const file = yaml === undefined ? undefined : join(directory, 'agent.yaml');
  if (file !== undefined) writeFileSync(file, yaml ?? '');
  return loadConfig({ env, file });
};

const loadWithFlags = (words: string[], env: Record<string, string> = {}) =>
  loadConfig({ env: { ...url, ...env }, file: undefined, flags: parseArguments(words).flags });

describe('flags in the spelling of node_exporter', () => {
  it('switch collectors over what the environment says, the last word wins', async () => {
    const config = await loadWithFlags(
      ['--collector.hwmon', '--no-collector.cpu', '--collector.cgroup', '--no-collector.cgroup'],
      { GAUGEWAY_AGENT_COLLECTORS_OFF: 'hwmon,disk' },
    );
    expect(config.collectors_on).toEqual(['hwmon']);
    expect(config.collectors_off).toEqual(['disk', 'cpu', 'cgroup']);
  });

  it('take its names for collectors', async () => {
    const config = await loadWithFlags(['--no-collector.meminfo', '--no-collector.netdev']);
    expect(config.collectors_off).toEqual(['memory', 'network']);
  });

  it('say where the host is mounted and where the text files are', async () => {
    const config = await loadWithFlags([
      '--path.procfs=/host/proc',
      '--path.sysfs',
      '/host/sys',
      '--path.rootfs=/host',
      '--collector.textfile.directory=/var/lib/prom',
    ]);
    expect(config).toMatchObject({
      procfs: '/host/proc',
      sysfs: '/host/sys',
      rootfs: '/host',
      textfile_dir: '/var/lib/prom',
    });
  });

  it('name a collector that there is', async () => {
    await expect(loadWithFlags(['--collector.nope'])).rejects.toThrow(/--collector.nope: wants/);
    await expect(loadWithFlags(['--no-collector.constructor'])).rejects.toThrow(/wants names/);
    expect(() => parseArguments(['--collector.filesystem.fs-types-exclude=x'])).toThrow(/unknown/);
    expect(() => parseArguments(['--path.procfs'])).toThrow(/wants a value/);
  });
});

describe('the configuration of the agent', () => {
  it('needs only an address', async () => {
    const config = await load({ ...url, PATH: '/bin' });
    expect(config.url?.href).toBe('https://gaugeway.example/');
    expect(config.interval_seconds).toBe(5);
    expect(config.collectors_off).toEqual([]);
  });

  it('takes the file, and the environment over it', async () => {
    const yaml = 'url: https://a.example\ninterval_seconds: 30\ncollectors_off: [disk]\n';
    const config = await load({ GAUGEWAY_AGENT_INTERVAL_SECONDS: '10' }, yaml);
    expect(config.url?.host).toBe('a.example');
    expect(config.interval_seconds).toBe(10);
    expect(config.collectors_off).toEqual(['disk']);
  });

  it('reads the key from its file', async () => {
    writeFileSync(join(directory, 'key'), 'secret-key\n');
    const config = await load({ ...url, GAUGEWAY_AGENT_KEY_FILE: join(directory, 'key') });
    expect(config.key).toBe('secret-key');
  });

  it('never prints the key', async () => {
    const text = printConfig(await load({ ...url, GAUGEWAY_AGENT_KEY: 'secret-key' }));
    expect(text).not.toContain('secret-key');
    expect(text).toContain('interval_seconds: 5');
  });

  it.each<[string, Record<string, string>, string | undefined, RegExp]>([
    ['without an address', {}, undefined, /URL/],
    ['with an unknown variable', { ...url, GAUGEWAY_AGENT_INTERVALL: '1' }, undefined, /INTERVALL/],
    ['with an unknown key in the file', url, 'nope: 1\n', /nope/],
    ['with a key of every object', url, '__proto__x: 1\nconstructor: 1\n', /no such option/],
    [
      'with an interval of 0',
      { ...url, GAUGEWAY_AGENT_INTERVAL_SECONDS: '0' },
      undefined,
      /1 to 300/,
    ],
    ['with half a second', { ...url, GAUGEWAY_AGENT_INTERVAL_SECONDS: '2.5' }, undefined, /whole/],
    ['with ftp', { GAUGEWAY_AGENT_URL: 'ftp://a.example' }, undefined, /http or https/],
    [
      'with a password in the address',
      { GAUGEWAY_AGENT_URL: 'https://u:p@a.example' },
      undefined,
      /no user/,
    ],
    [
      'with http to another machine',
      { GAUGEWAY_AGENT_URL: 'http://10.0.0.1:8080' },
      undefined,
      /in the clear/,
    ],
    [
      'with a host id that is not one',
      { ...url, GAUGEWAY_AGENT_HOST_ID: 'a b' },
      undefined,
      /HOST_ID/,
    ],
    [
      'with an unknown collector',
      { ...url, GAUGEWAY_AGENT_COLLECTORS_OFF: 'cpu,x' },
      undefined,
      /wants names/,
    ],
    ['with YAML that does not parse', url, 'a: [\n', /agent\.yaml|end of|expected/i],
    ['with a list for a file', url, '- 1\n', /name: value/],
    [
      'with a key file that is not there',
      { ...url, GAUGEWAY_AGENT_KEY_FILE: '/nonexistent' },
      undefined,
      /KEY_FILE/,
    ],
  ])('is refused %s', async (_, env, yaml, message) => {
    await expect(load(env, yaml)).rejects.toThrow(message);
  });

  it.each(['http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080'])(
    'lets %s pass without TLS',
    async (address) => {
      await expect(load({ GAUGEWAY_AGENT_URL: address })).resolves.toBeDefined();
    },
  );
});

describe('a configuration from the server', () => {
  const good = { version: 3, interval_seconds: 10, top_n: 5, mask_process_names: true };

  it('is kept over a restart', () => {
    const parsed = parseRemoteConfig(good);
    if (!parsed.ok) throw new Error(parsed.reason);
    expect(saveRemoteConfig(directory, parsed.config)).toBe(true);
    expect(loadRemoteConfig(directory)).toEqual(parsed.config);
  });

  it('is not taken from a kept file that is broken or out of bounds', () => {
    writeFileSync(join(directory, 'remote-config.json'), '{"version": 1, "inter');
    expect(loadRemoteConfig(directory)).toBeUndefined();
    writeFileSync(join(directory, 'remote-config.json'), JSON.stringify({ ...good, top_n: -1 }));
    expect(loadRemoteConfig(directory)).toBeUndefined();
  });

  it.each([
    [null, 'not-an-object'],
    [{ ...good, version: undefined }, 'version'],
    [{ ...good, interval_seconds: 0 }, 'interval_seconds outside 1 to 300'],
    [{ ...good, interval_seconds: 301 }, 'interval_seconds outside 1 to 300'],
    [{ ...good, interval_seconds: '5' }, 'interval_seconds outside 1 to 300'],
    [{ ...good, top_n: 101 }, 'top_n outside 0 to 100'],
    [{ ...good, mask_process_names: 'yes' }, 'mask_process_names'],
  ])('%j is refused', (value, reason) => {
    expect(parseRemoteConfig(value)).toEqual({ ok: false, reason });
  });
});
