import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server started for a test, on a free loopback port, with its data in a directory of its own. */
export interface Peer {
  url: string;
  stop: () => Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Polls until the condition holds; fails with the last reason after 20 s. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`timed out waiting until ${what}`, { cause: last });
}

async function startPeer(
  command: string,
  ready: string,
  args: (port: number, directory: string) => string[],
): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), 'gaugeway-peer-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(command, args(port, directory), { stdio: 'ignore' });
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause) =>
      reject(new Error(`${command} cannot be started; install its Debian package`, { cause })),
    );
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill);
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.race([
      failed,
      until(`${command} is ready`, async () => (await fetch(url + ready)).ok),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** VictoriaMetrics with the flags that the product gives its own child, and more. */
export function startVictoria(...flags: string[]): Promise<Peer> {
  return startPeer('victoria-metrics', '/health', (port, directory) => [
    `-storageDataPath=${directory}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-retentionPeriod=7d',
    '-dedup.minScrapeInterval=1ms',
    '-search.latencyOffset=0s',
    ...flags,
  ]);
}

/** Prometheus that scrapes nothing and takes remote writes. */
export async function startPrometheus(): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), 'gaugeway-prometheus-'));
  const config = join(directory, 'prometheus.yml');
  await writeFile(
    config,
    'global: {scrape_interval: 15s}\nstorage: {tsdb: {out_of_order_time_window: 2h}}\n',
  );
  const peer = await startPeer('prometheus', '/-/ready', (port, data) => [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    '--log.level=error',
  ]);
  return {
    url: peer.url,
    stop: async () => {
      await peer.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
