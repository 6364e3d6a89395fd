import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, startVictoria } from '../../src/managed/index.ts';
import { silentLogger } from '../../src/platform/index.ts';

/** Everything that a test or benchmark started, ended in reverse order whatever happens. */
export class Stage {
  private readonly endings: (() => unknown)[] = [];

  onEnd(end: () => unknown): void {
    this.endings.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.endings.reverse()) await end();
    this.endings.length = 0;
  }

  directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'gaugeway-stage-'));
    this.onEnd(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }
}

export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(
  what: string,
  holds: () => Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export interface Program {
  url: string;
  pid: number;
  child: ChildProcess;
  /** The end of what it wrote to standard error. */
  said: () => string;
}

/** Runs a program until the stage ends; with `server` it is waited for until it answers there. */
export async function launch(
  stage: Stage,
  server: { url: string; health: string } | undefined,
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Program> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-64_000)));
  child.once('error', (error) => (said = `${error.message}; npm test fetches what is missing`));
  stage.onEnd(async () => {
    if (child.pid === undefined) return;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(force);
  });
  if (server) {
    await until(`${command} answers`, async () => {
      if (child.exitCode !== null) throw new Error(said);
      return (await fetch(server.url + server.health)).ok;
    }).catch((error: unknown) => {
      throw new Error(`${command} did not start: ${said}`, { cause: error });
    });
  }
  return { url: server?.url ?? '', pid: child.pid ?? 0, child, said: () => said };
}

/** Takes every write and keeps none. */
export async function startSink(stage: Stage): Promise<string> {
  const server = createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      res.statusCode = req.method === 'POST' ? 204 : 200;
      res.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

export interface Product {
  url: string;
  /** Of the process that runs at the moment. */
  readonly pid: number;
  readonly isRunning: boolean;
  /** The end of what the process wrote to standard error. */
  said: () => string;
  writeKey: string;
  readKey: string;
  adminToken: string;
  postgres: { url: string; pid: () => number | undefined };
  /** Ends the process with the signal; nothing runs after. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts it again on the same address, data directory and database. */
  restart(): Promise<void>;
  /** A key of the tenant `default`. */
  makeKey(key: {
    name: string;
    scopes: string[];
    host_id?: string;
    expires_at?: string;
    whitelist_mode?: string;
  }): Promise<string>;
}

/** Tests ask more than people do. */
export const unlimited = Object.fromEntries(
  [
    ...['VIEWER_READS', 'VIEWER_WRITES', 'OPERATOR_READS', 'OPERATOR_WRITES'],
    ...['ADMIN_READS', 'ADMIN_WRITES', 'KEY', 'ADDRESS'],
  ].map((name) => [`GAUGEWAY_RATE_LIMITS_${name}`, '0']),
);

const adminPassword = 'a-long-password-of-the-stage';

/** The built product in a process of its own, with its own Postgres (and its settings), and keys made through its own API. */
export async function startProduct(
  stage: Stage,
  storage: { url: string; env?: Record<string, string> },
  env: Record<string, string> = {},
  settings: Record<string, string> = {},
): Promise<Product> {
  const postgres = await startPostgres({
    ...{ dataDir: join(stage.directory(), 'postgres'), log: silentLogger },
    ...{ throwaway: true, settings },
  });
  stage.onEnd(() => postgres.stop());
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const environment = {
    GAUGEWAY_LISTEN: `127.0.0.1:${String(port)}`,
    GAUGEWAY_DATA_DIR: stage.directory(),
    GAUGEWAY_DATABASE_URL: postgres.url,
    GAUGEWAY_VICTORIA_RAW_URL: storage.url,
    GAUGEWAY_ADMIN_EMAIL: 'admin@localhost',
    GAUGEWAY_ADMIN_PASSWORD: adminPassword,
    GAUGEWAY_LOG_LEVEL: 'warn',
    // Tests count what they sent; those about own metrics switch them on.
    GAUGEWAY_OBSERVE_OWN: 'false',
    GAUGEWAY_INGEST_LIMITS_SAMPLES_PER_SECOND: '0',
    GAUGEWAY_INGEST_LIMITS_BURST: '0',
    GAUGEWAY_INGEST_LIMITS_MAX_ACTIVE_SERIES: '0',
    GAUGEWAY_INGEST_TIMESTAMP_PAST: '24h',
    ...unlimited,
    ...storage.env,
    ...env,
  };
  const run = () =>
    launch(
      stage,
      { url, health: '/health' },
      process.execPath,
      ['bin/gaugeway.js', 'serve'],
      environment,
    );
  let program = await run();
  const { token = '' } = await postJson(`${url}/api/v1/auth/login`, {
    email: 'admin@localhost',
    password: adminPassword,
  });
  const adminToken = token.startsWith('Bearer ') ? token : `Bearer ${token}`;
  const makeKey: Product['makeKey'] = async (key) =>
    (await postJson(`${url}/api/v1/keys`, key, adminToken))['key'] ?? '';
  return {
    ...{ url, adminToken, makeKey, postgres },
    writeKey: await makeKey({ name: 'stage write', scopes: ['write'] }),
    readKey: await makeKey({ name: 'stage read', scopes: ['read'] }),
    get pid() {
      return program.pid;
    },
    get isRunning() {
      return program.child.exitCode === null && program.child.signalCode === null;
    },
    said: () => program.said(),
    async kill(signal) {
      const gone = new Promise((resolve) => program.child.once('exit', resolve));
      program.child.kill(signal);
      await gone;
    },
    async restart() {
      program = await run();
    },
  };
}

export async function postJson(
  url: string,
  body: object,
  authorization?: string,
): Promise<Record<string, string>> {
  const headers = {
    'content-type': 'application/json',
    ...(authorization ? { authorization } : {}),
  };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${String(answer.status)} ${await answer.text()}`);
  return (await answer.json()) as Record<string, string>;
}

export async function startVmagent(stage: Stage, target: string): Promise<Program> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  return launch(stage, { url, health: '/health' }, 'vmagent', [
    `-httpListenAddr=127.0.0.1:${String(port)}`,
    `-remoteWrite.url=${target}/api/v1/write`,
    `-remoteWrite.tmpDataPath=${stage.directory()}`,
  ]);
}

/** A VictoriaMetrics as the product runs it, and how the product is told of it. */
export async function startStorage(stage: Stage) {
  const victoria = await startVictoria({
    name: 'bench',
    dataDir: join(stage.directory(), 'victoria'),
    retention: '7d',
    log: silentLogger,
  });
  stage.onEnd(() => victoria.stop());
  const { target } = victoria;
  return {
    target,
    pid: () => victoria.pid(),
    url: target.baseUrl,
    env: {
      GAUGEWAY_VICTORIA_RAW_USERNAME: target.username ?? '',
      GAUGEWAY_VICTORIA_RAW_PASSWORD: target.password ?? '',
      GAUGEWAY_VICTORIA_RAW_METRICS_AUTH_KEY: target.authKeys?.metrics ?? '',
      GAUGEWAY_VICTORIA_RAW_FORCE_FLUSH_AUTH_KEY: target.authKeys?.forceFlush ?? '',
      GAUGEWAY_VICTORIA_RAW_DELETE_AUTH_KEY: target.authKeys?.delete ?? '',
    },
  };
}

const ticksPerSecond = 100;

/** CPU seconds that a process has used, its threads included (proc(5), stat fields 14 and 15). */
export function cpuSeconds(pid: number): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
      .split(') ')[1]
      ?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory, MiB. */
export function rssMib(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

export const median = (values: readonly number[]): number => percentile(values, 50);

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? NaN;
}
