import { store, type StoredSeries } from '../support/samples.ts';
import { databaseOf } from '../support/sql.ts';
import {
  percentile,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';
import { startTier, tierEnvironment } from '../support/tiers.ts';
import type { VictoriaTarget } from '../../src/storage/victoria/index.ts';
import { importHosts } from './api/fleet.ts';
import { print, type Table } from './report.ts';

const minute = 60_000;
const day = 86_400_000;
const metric = 'cpu_utilization';
const keptMs = { raw: 7 * day, '1m': 30 * day, '5m': 90 * day };
const questions = 100;

/** Questions over 90 days of one host's processor, from tiers, beside the same ones over raw samples of 90 days. */
export async function benchHistory(options: { hosts: number }): Promise<Table> {
  const stage = new Stage();
  try {
    const table = await run(stage, options.hosts);
    print(table);
    return table;
  } finally {
    await stage.end();
  }
}

async function run(stage: Stage, count: number): Promise<Table> {
  const raw = await startStorage(stage);
  const one = await startTier(stage, '1m', '30d');
  const five = await startTier(stage, '5m', '90d');
  // What there would be without tiers, of fewer hosts: a host is 1.5 million samples.
  const long = await startTier(stage, 'raw', '91d');
  const hosts = Array.from({ length: count }, (_, i) => `host-${String(i).padStart(3, '0')}`);
  const nowMs = Math.floor(Date.now() / (5 * minute)) * 5 * minute;
  const rows = Object.entries(keptMs);
  console.log(`filling ${rows.map(([name]) => name).join(', ')} with ${String(count)} hosts …`);
  for (const [i, host] of hosts.entries()) {
    await store(raw.target, [series(host, i, { nowMs, forMs: keptMs.raw, stepMs: 5_000 })]);
    await store(one.target, aggregates(host, i, { nowMs, forMs: keptMs['1m'], stepMs: minute }));
    await store(
      five.target,
      aggregates(host, i, { nowMs, forMs: keptMs['5m'], stepMs: 5 * minute }),
    );
  }
  const few = hosts.slice(0, 10);
  for (const [i, host] of few.entries()) {
    await store(long.target, [series(host, i, { nowMs, forMs: keptMs['5m'], stepMs: 5_000 })]);
  }
  const product = await startProduct(stage, raw, {
    ...tierEnvironment('1m', one.target),
    ...tierEnvironment('5m', five.target),
    ...{ GAUGEWAY_RETENTION_1M: '30d', GAUGEWAY_RETENTION_5M: '90d' },
    // Tiers are filled as they are measured.
    GAUGEWAY_ROLES: 'gateway,api,ruler',
  });
  await importHosts(product, hosts);
  await markFilled(stage, product, nowMs);
  const ranges = {
    'the 90 days by the hour: `avg_over_time(…[1h])`, 2,160 points': prometheusQuestion(
      'avg_over_time',
      { nowMs, forMs: 90 * day, stepMs: 60 * minute },
    ),
    'their greatest by the hour: `max_over_time(…[1h])`': prometheusQuestion('max_over_time', {
      ...{ nowMs, forMs: 90 * day, stepMs: 60 * minute },
    }),
  };
  await until('the tiers are known to be filled', async () => {
    const [first] = Object.values(ranges);
    return !(await text(product, first!(hosts[0]!))).includes('warnings');
  });
  const table: string[][] = [];
  for (const [name, of] of Object.entries(ranges)) {
    table.push(row(name, await times(hosts, (host) => text(product, of(host)))));
    table.push(row('the same over raw samples, without us', await direct(long.target, few, of)));
  }
  const dashboard = (host: string) =>
    `/api/v1/metrics/query?host_id=${host}&metric=cpu.utilization&range=90d`;
  table.push(row('dashboard: `range=90d`', await times(hosts, (h) => text(product, dashboard(h)))));
  const month = (host: string) => dashboard(host).replace('90d', '30d');
  table.push(row('dashboard: `range=30d`', await times(hosts, (h) => text(product, month(h)))));
  return {
    title: `90 days of one host's processor, each question for the first time, ${String(count)} hosts in the tiers`,
    columns: ['question', 'asked', 'p50 ms', 'p95 ms', 'most ms (target 300)'],
    rows: table,
    notes: [
      'Tiers: raw 7 d at 5 s, 1m to 30 d, 5m to 90 d, with averages, minima, maxima and counts; an answer is put together from all three. Raw alone: 90 d at 5 s of ten hosts, 1.56 million samples each.',
    ],
  };
}

interface Span {
  nowMs: number;
  forMs: number;
  stepMs: number;
}

function series(host: string, n: number, { nowMs, forMs, stepMs }: Span): StoredSeries {
  const points = Array.from({ length: forMs / stepMs }, (_, i) => {
    const at = nowMs - i * stepMs;
    return [at, Math.round(400 + 300 * Math.sin(at / 3e6 + n) + ((i * 7) % 90)) / 10] as const;
  });
  return { metric, hostId: host, points };
}

/** As the worker leaves them: a second before the window's end. */
function aggregates(host: string, n: number, span: Span): StoredSeries[] {
  const { hostId, points } = series(host, n, span);
  const of = (suffix: string, valueOf: (value: number) => number): StoredSeries => ({
    ...{ metric: metric + suffix, hostId },
    points: points.map(([at, value]) => [at - 1_000, valueOf(value)] as const),
  });
  return [
    of('', (value) => value),
    of(':min', (value) => value - 4),
    of(':max', (value) => value + 4),
    of(':count', () => span.stepMs / 5_000),
  ];
}

async function markFilled(stage: Stage, product: Product, nowMs: number): Promise<void> {
  const knex = databaseOf(stage, product);
  const rows = ['1m', '5m'].map((tier) => ({
    ...{ tenant_id: 'default', tier, done_until: new Date(nowMs) },
  }));
  await knex('downsample_marks').insert(rows);
}

const prometheusQuestion =
  (over: string, { nowMs, forMs, stepMs }: Span) =>
  (host: string): string => {
    const args = new URLSearchParams({
      query: `${over}(${metric}{host_id="${host}"}[1h])`,
      ...{ start: String((nowMs - forMs + stepMs) / 1_000), end: String(nowMs / 1_000) },
      step: String(stepMs / 1_000),
    });
    return `/api/v1/query_range?${args.toString()}`;
  };

async function text({ url, readKey }: Product, path: string): Promise<string> {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${readKey}` } });
  const body = await answer.text();
  if (!answer.ok || body.length < 10_000) throw new Error(`${path}: ${body.slice(0, 300)}`);
  return body;
}

async function direct(
  target: VictoriaTarget,
  hosts: readonly string[],
  of: (host: string) => string,
): Promise<number[]> {
  const authorization = `Basic ${btoa(`${target.username ?? ''}:${target.password ?? ''}`)}`;
  return times(hosts, async (host) => {
    const answer = await fetch(`${target.baseUrl}${of(host)}&nocache=1`, {
      headers: { authorization },
    });
    const body = await answer.text();
    if (!answer.ok || body.length < 10_000) throw new Error(body.slice(0, 300));
    return body;
  });
}

/** Milliseconds of each host's question, each asked once. */
async function times(
  hosts: readonly string[],
  ask: (host: string) => Promise<string>,
): Promise<number[]> {
  const taken: number[] = [];
  for (const host of hosts.slice(0, questions)) {
    const began = performance.now();
    await ask(host);
    taken.push(performance.now() - began);
  }
  return taken;
}

function row(name: string, taken: readonly number[]): string[] {
  return [
    ...[name, String(taken.length)],
    ...[percentile(taken, 50), percentile(taken, 95), Math.max(...taken)].map((ms) =>
      ms.toFixed(1),
    ),
  ];
}
