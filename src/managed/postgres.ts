import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { GaugewayError, messageOf, sleep, type Logger } from '../platform/index.ts';
import { runToEnd, spawnTied } from './child.ts';
import { lockDirectory, type DirectoryLock } from './directory-lock.ts';
import { findPostgres, type PostgresBinaries } from './find-postgres.ts';
import { identifyProcess } from './process-id.ts';
import { chooseRunAs, type RunAs } from './run-as.ts';
import { supervise, type Supervised } from './supervise.ts';

export interface PostgresOptions {
  /** Holds the cluster, the socket, the password and the log; made when absent. */
  dataDir: string;
  log: Logger;
  /** Extra server settings, as `-c name=value`. */
  settings?: Readonly<Record<string, string>>;
  /** For tests: no fsync anywhere, and killed at once instead of shut down when we die. */
  throwaway?: boolean;
}

export interface ManagedPostgres extends Supervised {
  /** Owner of its database, may create databases, not a superuser; over a private Unix socket. */
  url: string;
  version: string;
  source: PostgresBinaries['source'];
}

interface Cluster {
  binaries: PostgresBinaries;
  runAs: RunAs;
  /** PGDATA. */
  data: string;
  socketDir: string;
  password: string;
}

const role = 'gaugeway';
const database = 'gaugeway';
/** Bound by row-level security (storage/postgres); a role that may not make roles cannot make it later. */
const tenantRoleSql = `CREATE ROLE gaugeway_tenant NOLOGIN\nGRANT gaugeway_tenant TO ${role}\n`;
const tenantRoleMark = 'tenant-role';
const environment = { TZ: 'UTC' };
/** Above the kernel's largest pid, 2^22. */
const impossiblePid = '2147483646';
/** unix(7): sun_path holds 108 bytes with its end. */
const longestSocketPath = 107;

const smallServer: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

const noDurability: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

/**
 * Makes the cluster on the first start and runs it as a child that dies with this process.
 * UNAVAILABLE: no binaries, directory not writable, server does not come up. CONFLICT: directory in use.
 */
export async function startPostgres(options: PostgresOptions): Promise<ManagedPostgres> {
  const dataDir = resolve(options.dataDir);
  const log = options.log.child('managed');
  const lock = await lockDirectory(dataDir, 'Postgres', log);
  try {
    const cluster = await prepareCluster(dataDir, options.throwaway ?? false);
    await addTenantRole(cluster, log);
    const supervised = await superviseCluster(cluster, dataDir, { ...options, log }, lock);
    const { version, source } = cluster.binaries;
    log.info('Postgres is running', { version, source, pid: supervised.pid() });
    return { ...supervised, url: urlOf(cluster), version, source };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Where the Postgres of this directory answers while a server runs it, for whoever may read its password. Undefined where
 * none was made, or where its socket had to be elsewhere.
 */
export function managedPostgresUrl(dataDir: string): string | undefined {
  const socketDir = join(resolve(dataDir), 'run');
  const passwordFile = join(resolve(dataDir), 'password');
  if (!existsSync(socketDir) || !existsSync(passwordFile)) return undefined;
  return urlOf({ socketDir, password: readFileSync(passwordFile, 'utf8').trim() });
}

async function prepareCluster(dataDir: string, throwaway: boolean): Promise<Cluster> {
  const data = join(dataDir, 'cluster');
  const binaries = findPostgres(majorOf(data), dataDir);
  const runAs = chooseRunAs(data, [data, join(binaries.bin, 'postgres')]);
  chownSync(dataDir, runAs.uid, runAs.gid);
  const password = loadPassword(join(dataDir, 'password'));
  const cluster = { binaries, runAs, data, password, socketDir: makeSocketDir(dataDir, runAs) };
  if (!existsSync(data)) await initialise(cluster, throwaway);
  return cluster;
}

/** Of clusters that were made before there was such a role. A start without it goes on, with one wall less. */
async function addTenantRole(cluster: Cluster, log: Logger): Promise<void> {
  if (existsSync(join(cluster.data, '..', tenantRoleMark))) return;
  voidForeignPid(cluster.data);
  try {
    await runAsServerUser(
      cluster,
      'postgres',
      ['--single', '-D', cluster.data, 'postgres'],
      tenantRoleSql,
    );
    writeFileSync(join(cluster.data, '..', tenantRoleMark), '');
  } catch (error) {
    log.warn('the role of tenants could not be made; the next start tries again', {
      error: messageOf(error),
    });
  }
}

function majorOf(data: string): number | undefined {
  try {
    return Number(readFileSync(join(data, 'PG_VERSION'), 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') {
      throw new GaugewayError(
        'UNAVAILABLE',
        `The Postgres data in ${data} belongs to user id ${statSync(data).uid}. ` +
          'Start as that user or as root, or choose another directory with GAUGEWAY_DATA_DIR.',
        { cause: error },
      );
    }
    return undefined;
  }
}

function loadPassword(file: string): string {
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  }
  return readFileSync(file, 'utf8').trim();
}

/** Below the data directory, or in the temporary one where the path would be too long for a socket. */
function makeSocketDir(dataDir: string, runAs: RunAs): string {
  const preferred = join(dataDir, 'run');
  const fits = Buffer.byteLength(join(preferred, '.s.PGSQL.5432')) <= longestSocketPath;
  const socketDir = fits ? preferred : mkdtempSync(join(tmpdir(), 'gaugeway-'));
  mkdirSync(socketDir, { recursive: true, mode: 0o700 });
  chmodSync(socketDir, 0o700);
  chownSync(socketDir, runAs.uid, runAs.gid);
  return socketDir;
}

/** Everything happens beside the final place, so that a start that is killed here leaves nothing half made. */
async function initialise(cluster: Cluster, throwaway: boolean): Promise<void> {
  const fresh = `${cluster.data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  chownSync(fresh, cluster.runAs.uid, cluster.runAs.gid);
  const passwordFile = join(fresh, '..', 'superuser-password.new');
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  chownSync(passwordFile, cluster.runAs.uid, cluster.runAs.gid);
  try {
    await runAsServerUser(cluster, 'initdb', [
      `--pgdata=${fresh}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      ...(throwaway ? ['--no-sync'] : []),
    ]);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  await runAsServerUser(
    cluster,
    'postgres',
    ['--single', '-D', fresh, '-c', 'password_encryption=scram-sha-256', 'postgres'],
    `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD '${cluster.password}'\n` +
      `CREATE DATABASE ${database} OWNER ${role}\n` +
      tenantRoleSql,
  );
  writeFileSync(join(cluster.data, '..', tenantRoleMark), '');
  renameSync(fresh, cluster.data);
}

async function runAsServerUser(
  cluster: Cluster,
  program: string,
  args: readonly string[],
  input = '',
): Promise<void> {
  const words = [...cluster.runAs.privileges, '--', join(cluster.binaries.bin, program), ...args];
  await runToEnd('setpriv', words, { env: environment, cwd: '/', input });
}

function superviseCluster(
  cluster: Cluster,
  dataDir: string,
  options: PostgresOptions,
  lock: DirectoryLock,
): Promise<Supervised> {
  const settings = {
    ...smallServer,
    unix_socket_directories: cluster.socketDir,
    ...(options.throwaway ? noDurability : {}),
    ...options.settings,
  };
  const logFile = join(dataDir, 'postgres.log');
  return supervise({
    name: `Postgres ${cluster.binaries.version}`,
    spawn: () => {
      voidForeignPid(cluster.data);
      return spawnTied({
        command: join(cluster.binaries.bin, 'postgres'),
        args: ['-D', cluster.data, ...toArguments(settings)],
        deathSignal: options.throwaway ? 'QUIT' : 'INT',
        privileges: cluster.runAs.privileges,
        env: environment,
        cwd: '/',
        logFile,
      });
    },
    ready: (pid, signal) => waitForReady(cluster.data, pid, signal),
    readyWithinMs: 60_000,
    stopSignal: 'SIGINT',
    stopWithinMs: 20_000,
    logFile,
    lock,
    log: options.log,
  });
}

function toArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/**
 * After kill -9 the pid in this file may belong to another process of the same user by now, and
 * Postgres would refuse to start. Only the pid is made void: Postgres still needs the shared memory
 * key of the other lines to see whether a backend of the killed server lives.
 */
function voidForeignPid(data: string): void {
  const file = join(data, 'postmaster.pid');
  const [pid, ...rest] = readLines(file);
  if (pid === undefined || !identifyProcess(Number(pid)) || isServerOf(Number(pid), data)) return;
  writeFileSync(file, [impossiblePid, ...rest].join('\n'));
}

function isServerOf(pid: number, data: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(data);
  } catch {
    return false;
  }
}

/** Postgres writes its pid to line 1 and its state to line 8 of postmaster.pid (miscadmin.h, LOCK_FILE_LINE_*). */
async function waitForReady(data: string, pid: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const lines = readLines(join(data, 'postmaster.pid'));
    if (signal.aborted || (lines[0] === String(pid) && lines[7]?.trim() === 'ready')) return;
    await sleep(10, signal);
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function urlOf(cluster: Pick<Cluster, 'socketDir' | 'password'>): string {
  const socket = encodeURIComponent(cluster.socketDir);
  return `postgres://${role}:${cluster.password}@/${database}?host=${socket}`;
}
