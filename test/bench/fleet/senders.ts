import { FleetBodies, nameOf, seriesPerHost } from './bodies.ts';
import { Connection } from './connection.ts';

const intervalMs = 5_000;
const beatEveryRounds = 6;
/** In which time all agents come for the first time. */
const comingMs = 60_000;

export interface Sent {
  /** Of writes, by status; 0 where there was no answer. */
  writes: Map<number, number>;
  beats: Map<number, number>;
  /** What refusals say, each with how often. */
  refusals: Map<string, number>;
  /** Of one write in ten, milliseconds. */
  latenciesMs: number[];
  samples: number;
  /** Rounds of the hosts that are counted again in storage. */
  rounds: Map<string, number>;
  /** The longest that a write was sent after its time, milliseconds. */
  lateMs: number;
  /** Of the senders themselves, on the same machine. */
  cores: number;
}

interface Run {
  seconds: number;
  target: Target;
  watched: readonly string[];
  /** Called when all have come, with what was answered until then; what is measured begins after it. */
  arrived: (sent: Sent) => Promise<void>;
}

interface Target {
  url: string;
  key: string;
}

/** Agents as their server sees them: each on a connection of its own, a write every 5 s, a heartbeat every 30. */
export async function sendAs(
  hosts: number,
  { seconds, target, watched, arrived }: Run,
): Promise<Sent> {
  const bodies = new FleetBodies();
  const connections = Array.from({ length: hosts }, () => {
    const connection = new Connection(target);
    connection.onRefusal = (text) =>
      void sent.refusals.set(text, (sent.refusals.get(text) ?? 0) + 1);
    return connection;
  });
  const sent: Sent = {
    ...{
      writes: new Map(),
      beats: new Map(),
      refusals: new Map(),
      latenciesMs: [],
      samples: 0,
      lateMs: 0,
      cores: 0,
    },
    rounds: new Map(watched.map((name) => [name, 0])),
  };
  const pace = async (ticks: number, apartMs: number, firstRound: number): Promise<void> => {
    const began = performance.now();
    const open = new Set<Promise<void>>();
    for (let n = 0; n < ticks; n += 1) {
      const waitMs = began + n * apartMs - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      else sent.lateMs = Math.max(sent.lateMs, -waitMs);
      const [host, round] = [n % hosts, firstRound + Math.floor(n / hosts)];
      const work = tick({ bodies, sent, host, round, connection: connections[host]! });
      open.add(work);
      void work.finally(() => open.delete(work));
    }
    await Promise.all(open);
  };
  // Machines do not come all at once: series and hosts that are new cost more than all that follows.
  await pace(hosts, comingMs / hosts, 0);
  await arrived(sent);
  const began = performance.now();
  const usedBefore = process.cpuUsage();
  const rounds = Math.floor((seconds * 1_000) / intervalMs);
  await pace(rounds * hosts, intervalMs / hosts, 1);
  const { user, system } = process.cpuUsage(usedBefore);
  sent.cores = (user + system) / 1_000 / (performance.now() - began);
  for (const connection of connections) connection.close();
  return sent;
}

interface Tick {
  bodies: FleetBodies;
  sent: Sent;
  host: number;
  round: number;
  connection: Connection;
}

async function tick({ bodies, sent, host, round, connection }: Tick): Promise<void> {
  const name = nameOf(host);
  const body = bodies.make(host, round, Date.now());
  const began = performance.now();
  const status = await connection.post({
    ...{ path: '/api/v1/write', type: 'application/x-protobuf', body },
    more: 'Content-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n',
  });
  if (host % 10 === 0) sent.latenciesMs.push(performance.now() - began);
  count(sent.writes, status);
  if (status === 204) {
    sent.samples += seriesPerHost;
    const rounds = sent.rounds.get(name);
    if (rounds !== undefined) sent.rounds.set(name, rounds + 1);
  }
  if (round > 0 && (round + host) % beatEveryRounds !== 0) return;
  const beat = {
    ...{ host_id: name, hostname: name, agent_version: '0.1.0' },
    ...{ ips: [`10.${String(host >> 8)}.${String(host & 255)}.1`] },
    top_processes: { at_ms: Date.now(), processes: processesOf(host) },
  };
  const answered = await connection.post({
    ...{ path: '/api/v1/ingest/heartbeat', type: 'application/json' },
    body: Buffer.from(JSON.stringify(beat)),
  });
  count(sent.beats, answered);
}

const processesOf = (host: number): object[] =>
  Array.from({ length: 10 }, (_, at) => ({
    ...{ pid: 100 + at, name: `work-${String(at)}`, cpu_pct: (host + at) % 50, mem_mb: 64 + at },
  }));

const count = (counts: Map<number, number>, status: number): void =>
  void counts.set(status, (counts.get(status) ?? 0) + 1);
