import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import {
  describeConfig,
  GaugewayError,
  loadConfig,
  loadSigningKeys,
  parseBytes,
  parseDuration,
} from '../../../src/platform/index.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'gaugeway-config-'));
  directories.push(directory);
  const file = join(directory, 'gaugeway.yaml');
  writeFileSync(file, text);
  return file;
}

function problemsOf(text: string, environment: Record<string, string> = {}): string[] {
  const file = fileWith(text);
  try {
    loadConfig({ file, environment });
  } catch (error) {
    if (error instanceof GaugewayError) return error.message.replaceAll(file, 'FILE').split('\n');
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('has a value for everything that needs one without a file and without an environment', () => {
    const { config } = loadConfig({ environment: {} });
    expect(config.listen).toBe('127.0.0.1:8080');
    expect(config.roles).toEqual(['all']);
    expect(config.ingest.maxDecodedBytes).toBe(8 * 2 ** 20);
    expect(config.ingest.haLabels.failover).toBe(30_000);
    expect(config.forward.journal).toMatchObject({ enabled: true, overflow: 'reject' });
    expect(config.victoria.raw.url).toBeUndefined();
  });

  it('the environment wins over the file, and the file over the default', () => {
    const file = fileWith('listen: 0.0.0.0:1\ningest:\n  max_decoded_bytes: 1MiB\n');
    const environment = { GAUGEWAY_LISTEN: '[::1]:2', GAUGEWAY_FORWARD_JOURNAL_ENABLED: 'off' };
    const { config, given } = loadConfig({ file, environment });
    expect(config.listen).toBe('[::1]:2');
    expect(config.ingest.maxDecodedBytes).toBe(2 ** 20);
    expect(config.forward.journal.enabled).toBe(false);
    expect(given.get('listen')).toBe('GAUGEWAY_LISTEN');
    expect(given.get('ingest.max_decoded_bytes')).toBe(`${file}:3:3`);
  });

  it('takes the file from GAUGEWAY_CONFIG', () => {
    const file = fileWith('data_dir: /srv/x\n');
    expect(loadConfig({ environment: { GAUGEWAY_CONFIG: file } }).config.dataDir).toBe('/srv/x');
  });

  it('lists and mappings can be written in both places', () => {
    const file = fileWith('roles: [api, gateway]\nforward:\n  shards: { eu: "http://a" }\n');
    const environment = { GAUGEWAY_HTTP_TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1' };
    const { config } = loadConfig({ file, environment });
    expect(config.roles).toEqual(['api', 'gateway']);
    expect(config.forward.shards).toEqual({ eu: 'http://a' });
    expect(config.http.trustedProxies).toEqual(['10.0.0.0/8', '127.0.0.1']);
    const same = loadConfig({
      environment: { GAUGEWAY_FORWARD_SHARDS: 'eu=http://a,us=http://b' },
    });
    expect(same.config.forward.shards).toEqual({ eu: 'http://a', us: 'http://b' });
  });

  it('names every unknown key with its place, and the key that was meant', () => {
    const problems = problemsOf('ingest:\n  maxDecodedBytes: 1MiB\nnope: 1\n', {
      GAUGEWAY_NOPE: '1',
    });
    expect(problems).toEqual([
      'FILE:2:3: unknown key ingest.maxDecodedBytes; is ingest.max_decoded_bytes meant?',
      'FILE:3:1: unknown key nope',
      'GAUGEWAY_NOPE: unknown variable of this product',
    ]);
  });

  it("leaves the agent's own variables alone", () => {
    expect(() => loadConfig({ environment: { GAUGEWAY_AGENT_URL: 'http://x' } })).not.toThrow();
  });

  it.each([
    ['ingest:\n  timestamp_past: 3600\n', 'FILE:2:3: ingest.timestamp_past: expected a duration'],
    ['query:\n  max_points: 0\n', 'FILE:2:3: query.max_points: expected a whole number from 1'],
    ['log:\n  level: loud\n', 'FILE:2:3: log.level: expected one of debug, info, warn, error'],
    ['roles: [api, king]\n', 'FILE:1:1: roles.1: expected some of all, gateway'],
    ['victoria:\n  1m:\n    url: ftp://x\n', 'FILE:3:5: victoria.1m.url: expected an http'],
    ['audit:\n  retention: 1h\n', 'FILE:2:3: audit.retention: expected 1d to 3650d'],
    ['purge:\n  alerts: 6d\n', 'FILE:2:3: purge.alerts: expected 7d to 400d'],
    ['purge:\n  ended: 401d\n', 'FILE:2:3: purge.ended: expected 1d to 400d'],
    ['purge:\n  usage: 31d\n', 'FILE:2:3: purge.usage: expected 32d to 1000d'],
    ['retention:\n  raw: 30d\n', 'FILE:2:3: retention.raw: expected 3d to 14d'],
    ['retention:\n  1m: 40d\n', 'FILE:2:3: retention.1m: expected 3d to 30d'],
    ['retention:\n  5m: 20d\n', 'FILE:2:3: retention.5m: expected 30d to 90d'],
    ['retention:\n  1m: 7d\n', 'FILE:2:3: retention.1m: expected more than retention.raw'],
    ['retention:\n  5m: 30d\n', 'FILE:2:3: retention.5m: expected more than retention.1m'],
    ['tls:\n  cert: a.pem\n', 'FILE:2:3: tls.cert: tls.cert and tls.key need each other'],
    [
      'victoria:\n  raw:\n    cluster:\n      insert_url: http://a\n',
      'FILE:4:7: victoria.raw.cluster.insert_url: needs victoria.raw.cluster.select_url',
    ],
    [
      'victoria:\n  5m:\n    url: http://b\n    cluster: {insert_url: http://a, select_url: http://a}\n',
      'FILE:3:5: victoria.5m.url: expected this or victoria.5m.cluster, not both',
    ],
    [
      'victoria:\n  raw:\n    cluster: {insert_url: http://a, select_url: http://a}\nforward: {shards: {a: http://c}}\n',
      'forward.shards: a cluster spreads its samples itself',
    ],
    ['listen: nowhere\n', 'FILE:1:1: listen: expected ADDRESS:PORT'],
    ['query: 5\n', 'FILE:1:1: query holds keys, not a value'],
    ['- a\n', 'FILE:1:1: expected keys with values'],
  ])('%j is refused at its place', (text, message) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(message)]);
  });

  it('a value of the environment is refused under the name of its variable', () => {
    const problems = problemsOf('', { GAUGEWAY_FORWARD_QUEUE_BYTES: '32MB' });
    expect(problems).toEqual([
      'GAUGEWAY_FORWARD_QUEUE_BYTES: expected a size such as 512KiB, 8MiB or 2GiB',
    ]);
  });

  it('a file that is not there is named', () => {
    expect(() => loadConfig({ file: '/nowhere/g.yaml', environment: {} })).toThrow(
      /^\/nowhere\/g\.yaml: cannot be read/,
    );
  });

  it('cannot be changed', () => {
    const { config } = loadConfig({ environment: {} });
    expect(() => Object.assign(config.ingest.limits, { burst: 1 })).toThrow(TypeError);
  });

  it('keeps secrets out of every text', () => {
    const environment = {
      GAUGEWAY_DATABASE_URL: 'postgres://u:hunter2@h/d',
      GAUGEWAY_VICTORIA_RAW_PASSWORD: 'hunter2',
      GAUGEWAY_ADMIN_PASSWORD: 'hunter2',
      GAUGEWAY_SMTP_URL: 'smtp://u:hunter2@h',
    };
    const loaded = loadConfig({ environment });
    expect(loaded.secrets.databaseUrl).toContain('hunter2');
    expect(loaded.secrets.victoria.raw.password).toBe('hunter2');
    const texts = [
      JSON.stringify(loaded),
      JSON.stringify(loaded.secrets),
      inspect(loaded, { depth: 9 }),
      format('%s', loaded.secrets),
      describeConfig(loaded),
    ];
    for (const text of texts) expect(text).not.toContain('hunter2');
    expect(describeConfig(loaded)).toContain('database.url: [set]  # GAUGEWAY_DATABASE_URL');
  });
});

describe('describeConfig', () => {
  it('writes values as a user would', () => {
    const text = describeConfig(loadConfig({ environment: {} }));
    expect(text).toContain('ingest.max_decoded_bytes: 8MiB\n');
    expect(text).toContain('forward.batch_delay: 5ms\n');
    expect(text).toContain('retention.raw: 7d\n');
  });
});

describe('durations and sizes', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['30', undefined],
    ['', undefined],
    ['-1s', undefined],
    ['1.5h', undefined],
  ])('%j is %s ms', (text, expected) => expect(parseDuration(text)).toBe(expected));

  it.each([
    ['100B', 100],
    ['512KiB', 524_288],
    ['2GiB', 2 ** 31],
    ['8MB', undefined],
    ['8', undefined],
  ])('%j is %s bytes', (text, expected) => expect(parseBytes(text)).toBe(expected));
});

describe('loadSigningKeys', () => {
  it('makes one master key per data directory, readable by its owner only, and keeps it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'gaugeway-keys-'));
    directories.push(directory);
    const first = loadSigningKeys(directory, undefined);
    const second = loadSigningKeys(directory, undefined);
    expect(first('jwt')).toEqual(second('jwt'));
    expect(first('jwt')).toHaveLength(32);
    expect(first('jwt')).not.toEqual(first('url'));
    expect(statSync(join(directory, 'signing-key')).mode & 0o777).toBe(0o600);
  });

  it('takes a given key instead, and refuses a short one without printing it', () => {
    const given = Buffer.alloc(32, 7).toString('base64url');
    expect(loadSigningKeys('/nowhere', given)('jwt')).toHaveLength(32);
    expect(() => loadSigningKeys('/nowhere', 'c2hvcnQ')).toThrow(/at least 32 bytes/);
    expect(() => loadSigningKeys('/nowhere', 'c2hvcnQ')).not.toThrow(/c2hvcnQ/);
  });
});
