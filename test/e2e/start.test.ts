import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dataDir: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gaugeway-start-'));
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await until('all servers are gone', async () => (await serversOf(dataDir)).length === 0);
  await rm(dataDir, { recursive: true, force: true });
});

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Pids of all living processes that work in the data directory. */
async function serversOf(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return words.includes(directory) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

interface Started {
  child: ChildProcess;
  output: () => string;
  exitCode: Promise<number | null>;
  url: string;
}

async function start(
  command: string[],
  environment: Record<string, string> = {},
): Promise<Started> {
  const listen = `127.0.0.1:${await freePort()}`;
  const child = spawn(command[0]!, command.slice(1), {
    cwd: tmpdir(),
    env: {
      ...process.env,
      GAUGEWAY_DATA_DIR: dataDir,
      GAUGEWAY_LISTEN: listen,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const exitCode = new Promise<number | null>((exited) => child.once('close', exited));
  return { child, output: () => output, exitCode, url: `http://${listen}` };
}

async function startReady(command: string[]): Promise<Started> {
  const run = await start(command);
  await until('it is ready', () => {
    if (run.child.exitCode !== null) throw new Error(`it ended:\n${run.output()}`);
    return run.output().includes(`ready at ${run.url}`);
  });
  return run;
}

const startScript = [process.execPath, resolve('bin/start.js')];

describe('npm start', () => {
  it('runs from another directory, answers, and Ctrl-C leaves no process behind', async () => {
    const run = await startReady(startScript);
    expect((await fetch(`${run.url}/health`)).status).toBe(200);
    expect((await serversOf(dataDir)).length).toBeGreaterThanOrEqual(2);
    run.child.kill('SIGINT');
    expect(await run.exitCode).toBe(0);
    expect(run.output()).toContain('stopped');
    expect(await serversOf(dataDir)).toEqual([]);
  });

  it('starts again over its own data, also after kill -9, which leaves no process behind', async () => {
    const first = await startReady(startScript);
    first.child.kill('SIGKILL');
    const second = await startReady(startScript);
    second.child.kill('SIGKILL');
    await until('no server is left', async () => (await serversOf(dataDir)).length === 0);
  });

  it('stops everything when the npm that runs it is killed', async () => {
    const run = await startReady(['npm', '--prefix', resolve('.'), 'start']);
    run.child.kill('SIGKILL');
    await until('no server is left', async () => (await serversOf(dataDir)).length === 0);
  });

  it('says which port is taken and how to choose another, before it starts anything', async () => {
    const taken = createServer();
    await new Promise<void>((listening) => taken.listen(0, '127.0.0.1', () => listening()));
    const listen = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const run = await start(startScript, { GAUGEWAY_LISTEN: listen });
    expect(await run.exitCode).toBe(1);
    expect(run.output()).toMatch(/is taken by another process.*GAUGEWAY_LISTEN/);
    expect(await readdir(dataDir)).toEqual([]);
    await new Promise((closed) => taken.close(closed));
  });

  it('says that the data directory is in use by another start', async () => {
    await startReady(startScript);
    const second = await start(startScript);
    expect(await second.exitCode).toBe(1);
    expect(second.output()).toMatch(/is in use by process \d+.*GAUGEWAY_DATA_DIR/);
  });

  it('says that the data directory cannot be written', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    const run = await start(startScript, { GAUGEWAY_DATA_DIR: join(file, 'data') });
    expect(await run.exitCode).toBe(1);
    expect(run.output()).toMatch(/cannot be written.*GAUGEWAY_DATA_DIR/);
  });
});
