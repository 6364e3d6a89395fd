import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { scanSegment } from '../../exporter-agent/buffer/segment.ts';
import { buildAgent } from '../../exporter-agent/build.js';
import { createVictoriaClient, type VictoriaTarget } from '../../src/storage/victoria/client.ts';
import { launch, type Program, type Stage } from './stage.ts';

/** The flags that the service unit sets. */
export const agentFlags = [
  '--jitless',
  '--max-semi-space-size=1',
  '--no-node-snapshot',
  '--expose-gc',
];

export interface AgentSetting {
  bundle: string;
  stateDir: string;
  env: Record<string, string>;
}

/** A bundle built for this test, and a state directory that outlives the processes. */
export async function prepareAgent(
  stage: Stage,
  options: { url: string; key: string; hostId: string; env?: Record<string, string> },
): Promise<AgentSetting> {
  const directory = stage.directory();
  const bundle = join(directory, 'gaugeway-agent.mjs');
  await buildAgent(bundle);
  const stateDir = join(directory, 'state');
  return {
    bundle,
    stateDir,
    env: {
      GAUGEWAY_AGENT_URL: options.url,
      GAUGEWAY_AGENT_KEY: options.key,
      GAUGEWAY_AGENT_HOST_ID: options.hostId,
      GAUGEWAY_AGENT_STATE_DIR: stateDir,
      GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
      GAUGEWAY_AGENT_REMOTE_CONFIG: 'false',
      ...options.env,
    },
  };
}

export function runAgent(stage: Stage, { bundle, env }: AgentSetting): Promise<Program> {
  return launch(stage, undefined, process.execPath, [...agentFlags, bundle], env);
}

export async function endAgent({ child }: Program, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

/** Times of the ticks that lie in the spool on disk, also those already settled in a file that stays. */
export function spooledTimes({ stateDir }: AgentSetting): number[] {
  const spool = join(stateDir, 'spool');
  try {
    return readdirSync(spool)
      .filter((name) => name.endsWith('.seg'))
      .flatMap((name) => scanSegment(readFileSync(join(spool, name))).records)
      .map(({ timestampMs }) => timestampMs);
  } catch {
    // Not made yet, or a segment was removed between listing and reading.
    return [];
  }
}

/** Times of every stored sample of one metric of one host, as storage holds them. */
export async function storedTimes(
  target: VictoriaTarget,
  hostId: string,
  metric = 'agent_heartbeat_timestamp_seconds',
): Promise<number[]> {
  return (await storedSamples(target, hostId, metric)).map(([time]) => time);
}

/** Times with values of the same. */
export async function storedSamples(
  target: VictoriaTarget,
  hostId: string,
  metric: string,
): Promise<(readonly [number, number])[]> {
  const client = createVictoriaClient(target);
  try {
    await client.request({
      method: 'GET',
      path: '/internal/force_flush',
      query: new URLSearchParams({ authKey: target.authKeys?.forceFlush ?? '' }),
      timeoutMs: 10_000,
    });
    const answer = await client.request({
      method: 'GET',
      path: '/api/v1/export',
      query: new URLSearchParams({ 'match[]': `${metric}{host_id="${hostId}"}` }),
      timeoutMs: 60_000,
    });
    if (answer.status !== 200) throw new Error(`export: ${String(answer.status)}`);
    const lines = answer.body.toString().split('\n').filter(Boolean);
    return lines.flatMap((line) => {
      const { values, timestamps } = JSON.parse(line) as {
        values: (number | null)[];
        timestamps: number[];
      };
      // A stale marker is exported as null.
      return timestamps.flatMap((time, i) => {
        const value = values[i];
        return value === null || value === undefined ? [] : [[time, value] as const];
      });
    });
  } finally {
    await client.close();
  }
}

/** A line to a server, which can be cut as networks are: refused at once, or swallowing everything. */
export class Line {
  readonly url: string;
  private readonly server: Server;
  private readonly port: number;
  private readonly sockets = new Set<Socket>();
  private swallows = false;

  private constructor(server: Server, target: URL) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${String(this.port)}`;
    server.on('connection', (socket) => this.join(socket, target));
  }

  static async to(stage: Stage, target: string): Promise<Line> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const line = new Line(server, new URL(target));
    stage.onEnd(() => line.refuse());
    return line;
  }

  /** Closes what is open and refuses what comes. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.drop();
    await closed;
  }

  /** Connections are taken, and nothing that is said on them arrives. */
  swallow(): void {
    this.swallows = true;
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  async restore(): Promise<void> {
    this.swallows = false;
    this.drop();
    if (this.server.listening) return;
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
  }

  private drop(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private join(socket: Socket, target: URL): void {
    this.keep(socket);
    if (this.swallows) return;
    const server = connect(Number(target.port), target.hostname);
    this.keep(server);
    socket.pipe(server);
    server.pipe(socket);
    socket.once('close', () => server.destroy());
    server.once('close', () => socket.destroy());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }
}
