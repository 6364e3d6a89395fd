import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { GaugewayError, sleep, type Logger } from '../platform/index.ts';
import type { VictoriaTarget } from '../storage/victoria/index.ts';
import { spawnTied } from './child.ts';
import { isHeld, lockDirectory, type DirectoryLock } from './directory-lock.ts';
import { inspectVictoria, lacksOf, type VictoriaBinary } from './find-victoria.ts';
import { findOrGetVictoria } from './install-victoria.ts';
import { supervise, type Supervised } from './supervise.ts';

export interface VictoriaOptions {
  /** Holds the storage, the secrets and the log; made when absent. */
  dataDir: string;
  /** As VictoriaMetrics writes it: `7d`, at least `1d`. */
  retention: string;
  log: Logger;
  /** For people: which of the three tiers this is. */
  name: string;
  /** Where a fetched program is kept; beside the data when absent. */
  installDir?: string;
  /** This program instead of the one that is found. */
  binary?: string;
  /** Further flags without their dash, over ours; those the program does not have are left out. */
  flags?: Readonly<Record<string, string>>;
}

export interface ManagedVictoria extends Supervised {
  target: VictoriaTarget;
  version: string;
  /** Abilities of newer releases that this one does not have, for people. */
  lacks: readonly string[];
}

interface Secrets {
  password: string;
  authKeys: Required<NonNullable<VictoriaTarget['authKeys']>>;
  /** For paths that nobody is to use: nothing asks with it. */
  sealed: string;
}

const username = 'gaugeway';
const secretsName = 'secrets.json';
/** Its port is another at each start. */
const addressName = 'address';

/**
 * Why each: duplicates of a repeated batch are stored once (dedup); a new sample is not hidden for
 * 30 s (latencyOffset); labels are limited by us, so the store must not drop silently what we let
 * pass; the rest closes what a tenant must never reach (field notes, reliability B3).
 */
const ourFlags: Readonly<Record<string, string>> = {
  'dedup.minScrapeInterval': '1ms',
  'search.latencyOffset': '0s',
  'search.maxQueryDuration': '30s',
  // Names and labels of a tenant are looked up in all its series: 300,000 are those of 2,000 hosts.
  'search.maxUniqueTimeseries': '2000000',
  maxLabelsPerTimeseries: '64',
  maxLabelValueLen: '16384',
  'storage.minFreeDiskSpaceBytes': '100MiB',
  // What a backup that was killed has left behind.
  snapshotsMaxAge: '2d',
  'storage.trackMetricNamesStats': 'false',
  enableMetadata: 'false',
  'http.disableCORS': 'true',
  loggerLevel: 'WARN',
  loggerWarnsPerSecondLimit: '5',
  loggerErrorsPerSecondLimit: '5',
};

/** Flags that take a secret, without `AuthKey`; unknown ones are ignored when they come by environment. */
const sealedPaths = [
  'config',
  'flags',
  'forceMerge',
  'logNewSeries',
  'metricNamesStatsReset',
  'pprof',
  'reload',
  'search.resetCache',
];

/**
 * Runs VictoriaMetrics on loopback, on a free port, as a child that dies with this process.
 * UNAVAILABLE: none to be had, directory not writable, does not come up. CONFLICT: directory in use.
 */
export async function startVictoria(options: VictoriaOptions): Promise<ManagedVictoria> {
  const dataDir = resolve(options.dataDir);
  const log = options.log.child('managed');
  const name = `VictoriaMetrics (${options.name})`;
  const lock = await lockDirectory(dataDir, name, log);
  try {
    const binary = await chooseBinary(options, dataDir, log);
    const secrets = loadSecrets(join(dataDir, secretsName));
    const target = targetOf(`http://127.0.0.1:${await freePort()}`, secrets);
    writeFileSync(join(dataDir, addressName), target.baseUrl, { mode: 0o600 });
    const supervised = await superviseVictoria({ ...options, dataDir, log, name }, lock, {
      binary,
      secrets,
      target,
    });
    const lacks = lacksOf(binary);
    log.info('VictoriaMetrics is running', {
      server: options.name,
      version: binary.version,
      lacks,
      pid: supervised.pid(),
    });
    return { ...supervised, target, version: binary.version, lacks };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Where the VictoriaMetrics of this directory answers, for whoever may read its secrets. Undefined while nobody runs it.
 */
export function runningVictoria(directory: string): VictoriaTarget | undefined {
  const dataDir = resolve(directory);
  const address = join(dataDir, addressName);
  if (!isHeld(dataDir) || !existsSync(address)) return undefined;
  return targetOf(readFileSync(address, 'utf8'), loadSecrets(join(dataDir, secretsName)));
}

/** Of a managed VictoriaMetrics: where its samples lie. */
export const victoriaStorage = (dataDir: string): string => join(dataDir, 'storage');

async function chooseBinary(
  options: VictoriaOptions,
  dataDir: string,
  log: Logger,
): Promise<VictoriaBinary> {
  if (options.binary === undefined) {
    return findOrGetVictoria(resolve(options.installDir ?? join(dataDir, 'bin')), log);
  }
  const binary = inspectVictoria(options.binary);
  if (binary) return binary;
  throw new GaugewayError('UNAVAILABLE', `${options.binary} is no VictoriaMetrics that runs here`);
}

/** Kept, so that a restart of ours finds a server that an operator may have been given access to. */
function loadSecrets(file: string): Secrets {
  if (!existsSync(file)) {
    const secret = (): string => randomBytes(24).toString('base64url');
    const fresh: Secrets = {
      password: secret(),
      authKeys: { metrics: secret(), forceFlush: secret(), snapshot: secret(), delete: secret() },
      sealed: secret(),
    };
    writeFileSync(file, JSON.stringify(fresh), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Secrets;
}

function targetOf(baseUrl: string, secrets: Secrets): VictoriaTarget {
  return {
    baseUrl,
    username,
    password: secrets.password,
    authKeys: secrets.authKeys,
  };
}

interface Launch {
  binary: VictoriaBinary;
  secrets: Secrets;
  target: VictoriaTarget;
}

function superviseVictoria(
  options: VictoriaOptions,
  lock: DirectoryLock,
  { binary, secrets, target }: Launch,
): Promise<Supervised> {
  const flags = {
    ...ourFlags,
    retentionPeriod: options.retention,
    ...options.flags,
    storageDataPath: victoriaStorage(options.dataDir),
    httpListenAddr: new URL(target.baseUrl).host,
    'envflag.enable': 'true',
    'envflag.prefix': 'VM_',
  };
  const logFile = join(options.dataDir, 'victoria-metrics.log');
  return supervise({
    name: options.name,
    spawn: () =>
      spawnTied({
        command: binary.path,
        args: Object.entries(flags)
          .filter(([flag]) => binary.flags.has(flag))
          .map(([flag, value]) => `-${flag}=${value}`),
        deathSignal: 'TERM',
        env: secretEnvironment(secrets),
        cwd: options.dataDir,
        logFile,
      }),
    ready: (_pid, signal) => waitForHealth(target, signal),
    // A large index is opened before the first answer.
    readyWithinMs: 120_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 30_000,
    logFile,
    lock,
    log: options.log,
  });
}

/** Secrets go by environment: a command line can be read by every user of the machine. */
function secretEnvironment(secrets: Secrets): Record<string, string> {
  const environment: Record<string, string> = {
    VM_httpAuth_username: username,
    VM_httpAuth_password: secrets.password,
  };
  for (const [path, key] of Object.entries(secrets.authKeys)) {
    environment[`VM_${path}AuthKey`] = key;
  }
  for (const path of sealedPaths) {
    environment[`VM_${path.replace('.', '_')}AuthKey`] = secrets.sealed;
  }
  return environment;
}

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolvePort(port));
    });
  });
}

async function waitForHealth(target: VictoriaTarget, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await isHealthy(target, signal))) await sleep(20, signal);
}

function isHealthy(target: VictoriaTarget, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolveHealth) => {
    const auth = `${username}:${target.password ?? ''}`;
    const request = get(`${target.baseUrl}/health`, { auth, signal, timeout: 2_000 }, (answer) => {
      answer.resume();
      resolveHealth(answer.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolveHealth(false));
  });
}
