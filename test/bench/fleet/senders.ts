import { Agent, request } from 'node:http';
import { FleetBodies, nameOf, seriesPerHost } from './bodies.ts';

const intervalMs = 5_000;
const beatEveryRounds = 6;

export interface Sent {
  /** Of writes, by status; 0 where there was no answer. */
  writes: Map<number, number>;
  beats: Map<number, number>;
  /** Of one write in ten, milliseconds. */
  latenciesMs: number[];
  samples: number;
  /** Rounds of the hosts that are counted again in storage. */
  rounds: Map<string, number>;
  /** The longest that a write was sent after its time, milliseconds. */
  lateMs: number;
}

interface Target {
  url: string;
  key: string;
}

/** Agents as their server sees them: each on a connection of its own, a write every 5 s, a heartbeat every 30. */
export async function sendAs(
  hosts: number,
  { seconds, target, watched }: { seconds: number; target: Target; watched: readonly string[] },
): Promise<Sent> {
  const bodies = new FleetBodies();
  const agents = Array.from({ length: hosts }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const sent: Sent = {
    ...{ writes: new Map(), beats: new Map(), latenciesMs: [], samples: 0, lateMs: 0 },
    rounds: new Map(watched.map((name) => [name, 0])),
  };
  const began = performance.now();
  const rounds = Math.floor((seconds * 1_000) / intervalMs);
  const open = new Set<Promise<void>>();
  for (let n = 0; n < rounds * hosts; n += 1) {
    const dueMs = began + (n * intervalMs) / hosts;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    else sent.lateMs = Math.max(sent.lateMs, -waitMs);
    const [host, round] = [n % hosts, Math.floor(n / hosts)];
    const work = tick({ bodies, sent, target, host, round, agent: agents[host]! });
    open.add(work);
    void work.finally(() => open.delete(work));
  }
  await Promise.all(open);
  for (const agent of agents) agent.destroy();
  return sent;
}

interface Tick {
  bodies: FleetBodies;
  sent: Sent;
  target: Target;
  host: number;
  round: number;
  agent: Agent;
}

async function tick({ bodies, sent, target, host, round, agent }: Tick): Promise<void> {
  const name = nameOf(host);
  const body = bodies.make(host, round, Date.now());
  const began = performance.now();
  const status = await post(agent, target, '/api/v1/write', {
    ...{ body, type: 'application/x-protobuf', encoding: 'snappy' },
  });
  if (host % 10 === 0) sent.latenciesMs.push(performance.now() - began);
  count(sent.writes, status);
  if (status === 204) {
    sent.samples += seriesPerHost;
    const rounds = sent.rounds.get(name);
    if (rounds !== undefined) sent.rounds.set(name, rounds + 1);
  }
  if ((round + host) % beatEveryRounds !== 0) return;
  const beat = {
    ...{ host_id: name, hostname: name, agent_version: '0.1.0' },
    ...{ ips: [`10.${String(host >> 8)}.${String(host & 255)}.1`] },
    top_processes: { at_ms: Date.now(), processes: processesOf(host) },
  };
  const beatBody = Buffer.from(JSON.stringify(beat));
  const answer = { body: beatBody, type: 'application/json' };
  count(sent.beats, await post(agent, target, '/api/v1/ingest/heartbeat', answer));
}

const processesOf = (host: number): object[] =>
  Array.from({ length: 10 }, (_, at) => ({
    ...{ pid: 100 + at, name: `work-${String(at)}`, cpu_pct: (host + at) % 50, mem_mb: 64 + at },
  }));

const count = (counts: Map<number, number>, status: number): void =>
  void counts.set(status, (counts.get(status) ?? 0) + 1);

function post(
  agent: Agent,
  { url, key }: Target,
  path: string,
  { body, type, encoding }: { body: Buffer; type: string; encoding?: string },
): Promise<number> {
  const headers = {
    ...{ 'content-type': type, 'content-length': body.length, authorization: `Bearer ${key}` },
    ...(encoding === undefined
      ? {}
      : { 'content-encoding': encoding, 'x-prometheus-remote-write-version': '0.1.0' }),
  };
  return new Promise((resolve) => {
    const req = request(url + path, { method: 'POST', agent, headers }, (res) => {
      res.resume();
      res.on('end', () => resolve(res.statusCode ?? 0));
    });
    req.on('error', () => resolve(0));
    req.end(body);
  });
}
