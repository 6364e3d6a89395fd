import { createVictoriaClient, type VictoriaTarget } from '../../../src/storage/victoria/index.ts';
import { databaseOf } from '../../support/sql.ts';
import { Stage, until } from '../../support/stage.ts';
import { nameOf, seriesPerHost } from './bodies.ts';
import { sendAs, type Sent } from './senders.ts';
import { bytesOf, startSystem, type System } from './system.ts';

export interface FleetRun {
  hosts: number;
  seconds: number;
  sent: Sent;
  /** Answers while the agents came one after the other, before what is measured. */
  coming: string;
  /** Of those hosts that were counted again: acknowledged and found, samples. */
  counted: { acknowledged: number; found: number };
  parts: readonly { name: string; cores: number; rss: readonly number[] }[];
  /** The largest that was seen. */
  lags: Readonly<Record<string, number>>;
  /** Each second. */
  postgres: { commits: number; rows: number };
  disk: Readonly<Record<string, { samples: number; index: number; count: number }>>;
  /** Lines of warnings and errors of the processes' own counters. */
  trouble: Readonly<Record<string, number>>;
}

const lookMs = 10_000;
const watchedHosts = 50;

/** So many agents for so long against a process of each role. */
export async function runFleet({
  hosts,
  seconds,
}: {
  hosts: number;
  seconds: number;
}): Promise<FleetRun> {
  const stage = new Stage();
  try {
    const system = await startSystem(stage, {
      // The hour that ends meanwhile is downsampled meanwhile.
      GAUGEWAY_INGEST_TIMESTAMP_PAST: '1m',
      GAUGEWAY_OBSERVE_OWN: 'true',
    });
    return await measure(stage, system, { hosts, seconds });
  } finally {
    await stage.end();
  }
}

async function measure(
  stage: Stage,
  system: System,
  { hosts, seconds }: { hosts: number; seconds: number },
): Promise<FleetRun> {
  const knex = databaseOf(stage, system.api);
  const statistics = async (): Promise<{ commits: number; rows: number }> => {
    const { rows } = await knex.raw<{ rows: { commits: string; rows: string }[] }>(
      `select xact_commit as commits, tup_inserted + tup_updated + tup_deleted as rows
       from pg_stat_database where datname = current_database()`,
    );
    return { commits: Number(rows[0]!.commits), rows: Number(rows[0]!.rows) };
  };
  const usage = async () => ({
    cpu: system.parts.map((part) => part.cpuSeconds()),
    statistics: await statistics(),
  });
  let before = await usage();
  let coming = '';
  let arrivedSamples = 0;
  const rss = system.parts.map((): number[] => []);
  const lags: Record<string, number> = {};
  const look = async (): Promise<void> => {
    for (const [at, part] of system.parts.entries()) rss[at]!.push(part.rssMib());
    for (const [name, value] of await lagsOf(system)) {
      lags[name] = Math.max(lags[name] ?? 0, value);
    }
  };
  let looking = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  stage.onEnd(() => clearInterval(timer));
  const arrived = async ({ writes, beats, latenciesMs, ...sofar }: Sent): Promise<void> => {
    coming = JSON.stringify({
      ...{ writes: Object.fromEntries(writes), heartbeats: Object.fromEntries(beats) },
    });
    for (const counts of [writes, beats]) counts.clear();
    latenciesMs.length = 0;
    arrivedSamples = sofar.samples;
    timer = setInterval(() => void (looking = looking.then(look)), lookMs);
    before = await usage();
  };
  const every = Math.max(1, Math.floor(hosts / watchedHosts));
  const watched = Array.from({ length: Math.min(hosts, watchedHosts) }, (_, i) =>
    nameOf(i * every),
  );
  const target = { url: system.urls.gateway, key: system.api.writeKey };
  const sent = await sendAs(hosts, { seconds, target, watched, arrived });
  sent.samples -= arrivedSamples;
  clearInterval(timer);
  await looking;
  const after = await usage();
  return {
    ...{ hosts, seconds, sent, lags, coming },
    counted: await countAgain(system.storage.raw.target, sent.rounds),
    parts: system.parts.map(({ name }, at) => ({
      ...{ name, cores: (after.cpu[at]! - before.cpu[at]!) / seconds, rss: rss[at]! },
    })),
    postgres: {
      commits: (after.statistics.commits - before.statistics.commits) / seconds,
      rows: (after.statistics.rows - before.statistics.rows) / seconds,
    },
    disk: await diskOf(system),
    trouble: await troubleOf(system),
  };
}

async function read(url: string, token: string): Promise<Map<string, number>> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${url}: ${String(answer.status)}`);
  const text = await answer.text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const largest = (metrics: Map<string, number>, name: string): number =>
  Math.max(0, ...[...metrics].flatMap(([key, value]) => (key.startsWith(name) ? [value] : [])));
const sum = (metrics: Map<string, number>, name: string): number =>
  [...metrics].reduce((all, [key, value]) => (key.startsWith(name) ? all + value : all), 0);

async function lagsOf({ urls, api: { readKey } }: System): Promise<[string, number][]> {
  const [gateway, worker, ruler] = [
    await read(urls.gateway, readKey),
    await read(urls.worker, readKey),
    await read(urls.ruler, readKey),
  ];
  const slots = ruler.get('gaugeway_ruler_lag_seconds_count') ?? 0;
  return [
    ['journal age s', largest(gateway, 'gaugeway_forward_journal_age_seconds')],
    ['queue bytes', largest(gateway, 'gaugeway_forward_queue_bytes')],
    [
      'rules: mean of slot to commit s',
      slots === 0 ? 0 : (ruler.get('gaugeway_ruler_lag_seconds_sum') ?? 0) / slots,
    ],
    ['tier lag s', largest(worker, 'gaugeway_retention_lag_seconds')],
    ['gateway event loop p99 s', largest(gateway, 'nodejs_eventloop_lag_p99_seconds')],
  ];
}

async function troubleOf({ urls, api: { readKey } }: System): Promise<Record<string, number>> {
  const names = [
    ...['gaugeway_forward_dropped_samples_total', 'gaugeway_forward_refused_samples_total'],
    ...['gaugeway_forward_retries_total', 'gaugeway_ruler_missed_slots_total'],
    ...['gaugeway_ruler_lost_slots_total', 'gaugeway_ruler_unwritten_requests_total'],
  ];
  const all = await Promise.all(Object.values(urls).map((url) => read(url, readKey)));
  return Object.fromEntries(
    names.map((name) => [name, all.reduce((total, one) => total + sum(one, name), 0)]),
  );
}

async function countAgain(
  target: VictoriaTarget,
  rounds: Sent['rounds'],
): Promise<FleetRun['counted']> {
  const client = createVictoriaClient(target);
  const acknowledged = [...rounds.values()].reduce((all, one) => all + one * seriesPerHost, 0);
  const hosts = [...rounds.keys()].join('|');
  const found = async (): Promise<number> => {
    const query = new URLSearchParams({
      query: `sum(count_over_time({host_id=~"${hosts}",__name__=~"cpu_.*|mem_.*|disk_.*|net_.*|node_.*"}[3h]))`,
      ...{ time: String(Date.now() / 1_000), nocache: '1', latency_offset: '1ms' },
    });
    const path = '/api/v1/query';
    const { body } = await client.request({ method: 'GET', path, query, timeoutMs: 60_000 });
    const { data } = JSON.parse(body.toString()) as {
      data: { result: { value: [number, string] }[] };
    };
    return Number(data.result[0]?.value[1] ?? 0);
  };
  let seen = 0;
  await until('all is stored', async () => (seen = await found()) >= acknowledged, 60_000).catch(
    () => undefined,
  );
  await client.close();
  return { acknowledged, found: seen };
}

async function diskOf({ storage }: System): Promise<FleetRun['disk']> {
  const entries = await Promise.all(
    Object.entries(storage).map(async ([name, { target, dir }]) => {
      await flush(target);
      const count = await rowsOf(target);
      return [name, { ...bytesOf(dir), count }] as const;
    }),
  );
  return Object.fromEntries(entries);
}

async function flush(target: VictoriaTarget): Promise<void> {
  const client = createVictoriaClient(target);
  const query = new URLSearchParams({ authKey: target.authKeys?.forceFlush ?? '' });
  const path = '/internal/force_flush';
  await client.request({ method: 'GET', path, query, timeoutMs: 60_000 });
  await client.close();
}

/** Samples on disk and in memory (`vm_rows`). */
async function rowsOf(target: VictoriaTarget): Promise<number> {
  const client = createVictoriaClient(target);
  const query = new URLSearchParams({ authKey: target.authKeys?.metrics ?? '' });
  const { body } = await client.request({
    method: 'GET',
    path: '/metrics',
    query,
    timeoutMs: 60_000,
  });
  await client.close();
  const rows = [...body.toString().matchAll(/^vm_rows\{type="storage\/[^"]+"\} (\S+)$/gm)];
  return rows.reduce((all, [, value]) => all + Number(value), 0);
}
