import { X509Certificate, createPrivateKey } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { requireFree } from '../../app/index.ts';
import { searchPath, type LoadedConfig } from '../../platform/index.ts';
import { plural } from '../show/text.ts';
import { look, type Finding, type Seen } from './finding.ts';

/** Debian's and Ubuntu's way to say that systemd has set the clock by a time server. */
const clockIsSet = '/run/systemd/timesync/synchronized';
/** Other programs that keep a clock right leave one of these. */
const clockKeepers = ['/run/chrony', '/run/chronyd.pid', '/run/ntpd.pid', '/run/openntpd.sock'];
const gibibyte = 2 ** 30;
const day = 86_400_000;

/** What a start needs of this machine; starts and changes nothing. */
export function examineMachine(
  loaded: LoadedConfig,
  /** Where this machine's server answers; undefined where it does not. */
  servedAt: string | undefined,
  nowMs: number,
): Promise<Finding[]> {
  const { config } = loaded;
  const dataDir = resolve(config.dataDir);
  return Promise.all([
    look('node', 'Node', () => `${process.versions.node} at ${process.execPath}`),
    look('config', 'configuration', () => describeGiven(loaded)),
    look(
      'address',
      'address',
      async () => {
        if (servedAt !== undefined) return `a Gaugeway answers at ${servedAt}`;
        await requireFree(config.listen);
        return `${config.listen} is free`;
      },
      'GAUGEWAY_LISTEN chooses another one',
    ),
    look(
      'data_dir',
      'data directory',
      () => writableDirectory(dataDir),
      'GAUGEWAY_DATA_DIR chooses another one',
    ),
    look('disk', 'disk space', () => diskSpace(dataDir)),
    look('secrets', 'signing key', () => keyFile(join(dataDir, 'signing-key'))),
    look('rules', 'rule files', () => rulesFolder(config.rulesDir, config.ingest.whitelistFile)),
    look('clock', 'clock', () => clock(nowMs)),
    look(
      'setpriv',
      'setpriv',
      findSetpriv,
      'apt-get install util-linux; without it children outlive a kill -9',
    ),
    look('certificate', 'certificate', () => certificate(config.tls, nowMs)),
  ]);
}

function describeGiven({ given }: LoadedConfig): string {
  const places = new Set([...given.values()].map((place) => place.split(':')[0]!));
  const files = [...places].filter((place) => !place.startsWith('GAUGEWAY_'));
  const from = files.length > 0 ? ` from ${files.join(', ')} and the environment` : '';
  return `${plural(given.size, 'key')} given${from}, the rest as shipped`;
}

function findSetpriv(): string {
  const found = searchPath().find((directory) => existsSync(join(directory, 'setpriv')));
  if (found === undefined) throw new Error('not on PATH');
  return `in ${found}`;
}

function writableDirectory(directory: string): string {
  const at = existing(directory);
  accessSync(at, constants.W_OK | constants.X_OK);
  return at === directory ? `${directory} can be written` : `${directory} can be made`;
}

/** The directory itself, or the nearest above it that is there. */
function existing(directory: string): string {
  let at = directory;
  while (!existsSync(at)) at = dirname(at);
  return at;
}

async function diskSpace(dataDir: string): Promise<Seen> {
  const { bavail, blocks, bsize } = await statfs(existing(dataDir));
  const free = bavail * bsize;
  const percent = Math.round((100 * bavail) / Math.max(1, blocks));
  const detail = `${(free / gibibyte).toFixed(1)} GiB free (${String(percent)} %) for ${dataDir}`;
  const hint = 'make room, or choose another GAUGEWAY_DATA_DIR; a full disk stops the stores';
  if (free < gibibyte / 4) return { state: 'failed', detail, hint };
  return free < 2 * gibibyte || percent < 5 ? { state: 'warning', detail, hint } : { detail };
}

function keyFile(file: string): Seen | string {
  const about = statSync(file, { throwIfNoEntry: false });
  if (!about) return 'made at the first start, or given';
  if ((about.mode & 0o077) === 0) return `${file} is its owner's alone`;
  return {
    state: 'warning',
    detail: `others can read ${file}`,
    hint: `chmod 600 ${file}`,
  };
}

function rulesFolder(rulesDir: string, whitelistFile: string): Seen | string {
  const missing = [rulesDir, whitelistFile].filter((path) => !existsSync(path));
  if (missing.length === 0) return `${rulesDir}, ${whitelistFile}`;
  return {
    state: 'failed',
    detail: `${missing.map((path) => resolve(path)).join(', ')}: not there`,
    hint: 'run it in the checkout, or set GAUGEWAY_RULES_DIR and GAUGEWAY_INGEST_WHITELIST_FILE',
  };
}

function clock(nowMs: number): Seen | string {
  const now = new Date(nowMs).toISOString();
  const keeper = [clockIsSet, ...clockKeepers].find((path) => existsSync(path));
  if (keeper !== undefined) return `${now}, kept right (${keeper})`;
  return {
    state: 'warning',
    detail: `${now}; nothing that keeps it right was found on this machine`,
    hint: 'run chrony or systemd-timesyncd here or on the machine below; samples far from the true time are refused',
  };
}

function certificate(tls: LoadedConfig['config']['tls'], nowMs: number): Seen | string {
  const { cert, key } = tls;
  if (cert === undefined || key === undefined) return 'none: plain HTTP is spoken';
  const read = new X509Certificate(readFileSync(cert));
  if (!read.checkPrivateKey(createPrivateKey(readFileSync(key)))) {
    throw new Error(`${key} is not the key of ${cert}`);
  }
  const left = Date.parse(read.validTo) - nowMs;
  const detail = `${cert} is good until ${read.validTo}`;
  const hint = 'renew it and start again';
  if (left < 0) return { state: 'failed', detail: `${cert} has expired on ${read.validTo}`, hint };
  return left < 21 * day ? { state: 'warning', detail, hint } : detail;
}
