import {
  cpuSeconds,
  median,
  percentile,
  rssMib,
  Stage,
  startProduct,
  startStorage,
  type Product,
} from '../../support/stage.ts';
import { print, type Table } from '../report.ts';
import { Client } from './client.ts';
import { makeFleet, type Fleet } from './fleet.ts';
import { kinds, runMix, type MixResult } from './mix.ts';
import { makePeople } from './people.ts';

interface Options {
  users: number;
  hosts: number;
  seconds: number;
  rounds: number;
  manyHosts: number;
}

const hour = 3_600_000;

/** The dashboard's API under its users, with cold caches, and while people log in (issue 5, "Speed"). */
export async function benchApi(options: Options): Promise<Table[]> {
  const tables: Table[] = [];
  const measure = async (what: (stage: Stage) => Promise<Table[]>): Promise<void> => {
    const stage = new Stage();
    try {
      for (const table of await what(stage)) {
        print(table);
        tables.push(table);
      }
    } finally {
      await stage.end();
    }
  };
  await measure((stage) => crowd(stage, options));
  await measure((stage) => coldQueries(stage, options));
  await measure((stage) => coldLists(stage, options));
  return tables;
}

const ms = (values: readonly number[], p: number): string => percentile(values, p).toFixed(1);

async function cacheCounts(product: Product): Promise<{ answered: number; all: number }> {
  const headers = { authorization: `Bearer ${product.readKey}` };
  const text = await (await fetch(`${product.url}/metrics`, { headers })).text();
  const counts = new Map<string, number>();
  const line = /gaugeway_http_cache_requests_total\{.*result="(\w+)".*\} (\d+)/g;
  for (const [, result = '', count] of text.matchAll(line)) counts.set(result, Number(count));
  const all = [...counts.values()].reduce((sum, one) => sum + one, 0);
  return { answered: all - (counts.get('miss') ?? 0), all };
}

interface Round {
  result: MixResult;
  perSecond: number;
  cpuPerThousand: number;
  hitRate: number;
}

async function crowd(stage: Stage, options: Options): Promise<Table[]> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage, { GAUGEWAY_RATE_LIMITS_LOGIN: '0' });
  const fleet = await makeFleet(stage, product, storage, {
    ...{ count: options.hosts, forMs: hour, stepMs: 5_000 },
  });
  const tokens = await makePeople(product, options.users);
  const client = new Client(options.users);
  stage.onEnd(() => client.close());
  const common = { tokens, hosts: fleet.hosts, seconds: options.seconds };
  const rounds: Round[] = [];
  const round = async (how: { thinkMs: number; revalidates: boolean }): Promise<Round> => {
    await fleet.beat();
    const before = { cpu: cpuSeconds(product.pid), cache: await cacheCounts(product) };
    const result = await runMix(product, client, { ...common, ...how });
    const cpu = cpuSeconds(product.pid) - before.cpu;
    const cache = await cacheCounts(product);
    const count = kinds.reduce((sum, kind) => sum + result.times[kind].length, 0);
    return {
      ...{ result, perSecond: count / options.seconds, cpuPerThousand: (cpu / count) * 1_000 },
      hitRate: (cache.answered - before.cache.answered) / (cache.all - before.cache.all),
    };
  };
  await round({ thinkMs: 0, revalidates: false });
  for (let i = 0; i < options.rounds; i += 1) {
    rounds.push(await round({ thinkMs: 0, revalidates: false }));
  }
  const polite = await round({ thinkMs: 1_000, revalidates: true });
  const rss = rssMib(product.pid);
  return [
    mixTable(options, rounds, polite),
    figuresTable(options, { rounds, polite, rss }),
    await logins(product, client),
  ];
}

function mixTable({ users, hosts, seconds }: Options, rounds: Round[], polite: Round): Table {
  const over = (of: readonly Round[], kind: (typeof kinds)[number] | 'all'): number[][] =>
    of.map(({ result }) =>
      kind === 'all' ? kinds.flatMap((one) => result.times[one]) : result.times[kind],
    );
  const row = (name: (typeof kinds)[number] | 'all'): string[] => [
    name,
    ...[50, 95, 99].map((p) => median(over(rounds, name).map((t) => percentile(t, p))).toFixed(1)),
    ...[50, 95, 99].map((p) => ms(over([polite], name)[0] ?? [], p)),
  ];
  return {
    title: `${String(users)} users, ${String(hosts)} hosts, dashboard mix, ms`,
    columns: [...['', 'p50', 'p95', 'p99'], ...['1 request/s each: p50', 'p95', 'p99']],
    rows: [...kinds.map(row), row('all')],
    notes: [
      `Each user asks again at once (closed loop, ${String(seconds)} s, medians of ${String(rounds.length)} rounds after one to warm up), then once a second with If-None-Match.`,
      'Targets: p95 ≤ 100 ms, p99 ≤ 250 ms. The client, VictoriaMetrics and Postgres share the machine.',
    ],
  };
}

function figuresTable(
  { users }: Options,
  { rounds, polite, rss }: { rounds: Round[]; polite: Round; rss: number },
): Table {
  const countOf = ({ result }: Round, wanted: (status: number) => boolean): number =>
    [...result.statuses].filter(([s]) => wanted(s)).reduce((sum, [, n]) => sum + n, 0);
  const row = (name: string, of: (round: Round) => number, digits: number): string[] => [
    ...[name, median(rounds.map(of)).toFixed(digits), of(polite).toFixed(digits)],
  ];
  return {
    title: `the same rounds: cost`,
    columns: ['', 'closed loop', `${String(users)} × 1 request/s`],
    rows: [
      row('requests/s', (one) => one.perSecond, 0),
      row('product: CPU-seconds per 1,000 requests', (one) => one.cpuPerThousand, 2),
      row('answered from memory (target ≥ 70 %), %', (one) => one.hitRate * 100, 1),
      row('304', (one) => countOf(one, (status) => status === 304), 0),
      row('errors', (one) => countOf(one, (status) => status >= 400), 0),
      ['product: RSS, MiB', '', rss.toFixed(0)],
    ],
  };
}

/** Twenty people at once: bcrypt's time, and whether anybody else waits. */
async function logins(product: Product, client: Client): Promise<Table> {
  const body = (i: number): string =>
    JSON.stringify({
      ...{ email: `viewer-${String(i)}@example.com`, password: 'a-long-password-of-a-person' },
    });
  const json = { 'content-type': 'application/json' };
  const login = (i: number) =>
    client.send('POST', `${product.url}/api/v1/auth/login`, json, body(i));
  const calm: number[] = [];
  const alone: number[] = [];
  for (let i = 0; i < 10; i += 1) alone.push((await login(i)).ms);
  for (let i = 0; i < 200; i += 1) calm.push((await client.get(`${product.url}/health`, '')).ms);
  const meanwhile: number[] = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) meanwhile.push((await client.get(`${product.url}/health`, '')).ms);
  })();
  const together = await Promise.all(Array.from({ length: 20 }, (_, i) => login(i)));
  isOver = true;
  await watching;
  return {
    title: 'logging in (bcrypt, cost 10 as the PRP has it), ms',
    columns: ['', 'p50', 'p99', 'max'],
    rows: [
      ['one at a time', ms(alone, 50), ms(alone, 99), Math.max(...alone).toFixed(1)],
      ...[together.map((one) => one.ms)].map((t) => [
        ...['20 at once', ms(t, 50), ms(t, 99), Math.max(...t).toFixed(1)],
      ]),
      ['GET /health before', ms(calm, 50), ms(calm, 99), Math.max(...calm).toFixed(1)],
      [
        ...['GET /health meanwhile', ms(meanwhile, 50), ms(meanwhile, 99)],
        Math.max(...meanwhile).toFixed(1),
      ],
    ],
    notes: [
      'A hash takes what it takes; it runs beside the event loop, one at a time in a process, so that logins never take all cores.',
    ],
  };
}

/** Nothing in memory: each question is of another host, and the caches keep nothing. */
async function coldQueries(stage: Stage, { hosts: count }: Options): Promise<Table[]> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage, {
    ...{ GAUGEWAY_HTTP_REST_CACHE_TTL: '0s', GAUGEWAY_QUERY_CACHE_TTL: '0s' },
  });
  const { hosts } = await makeFleet(stage, product, storage, {
    ...{ count, forMs: hour, stepMs: 5_000 },
  });
  const client = new Client(4);
  stage.onEnd(() => client.close());
  return [await queries({ product, client, hosts, target: storage.target })];
}

async function coldLists(stage: Stage, { manyHosts: count }: Options): Promise<Table[]> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage, { GAUGEWAY_HTTP_REST_CACHE_TTL: '0s' });
  const fleet = await makeFleet(stage, product, storage, {
    ...{ count, forMs: 600_000, stepMs: 15_000 },
  });
  const client = new Client(4);
  stage.onEnd(() => client.close());
  return [await lists(product, client, fleet)];
}

async function timesOf(count: number, ask: (i: number) => Promise<{ status: number; ms: number }>) {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const heard = await ask(i);
    if (heard.status !== 200) throw new Error(`answer ${String(heard.status)}`);
    // The first ones find cold code.
    if (i >= 20) times.push(heard.ms);
  }
  return times;
}

const rowOf = (name: string, t: readonly number[], target: string): string[] => [
  ...[name, ms(t, 50), ms(t, 95), ms(t, 99), target],
];

async function lists(product: Product, client: Client, { hosts, beat }: Fleet): Promise<Table> {
  await beat();
  const list = (query: string) => (i: number) =>
    client.get(
      `${product.url}/api/v1/hosts?limit=50&${query.replace('%', String(i))}`,
      product.adminToken,
    );
  const pages = Math.floor(hosts.length / 50);
  const rows = [
    rowOf(
      'a page of 50',
      await timesOf(220, (i) => list(`offset=${String((i % pages) * 50)}`)(i)),
      '150',
    ),
    rowOf('of one tag', await timesOf(120, list('tags=role:web,rack:r%')), ''),
    rowOf('by a part of the name', await timesOf(120, list('search=host-00%')), ''),
    rowOf('of those that are critical', await timesOf(120, list('status=crit&offset=%')), ''),
  ];
  return {
    title: `hosts list of ${String(hosts.length)}, cold cache, ms`,
    ...{ columns: ['', 'p50', 'p95', 'p99', 'target p95'], rows },
    notes: ['One request at a time. A filter by status needs the figures of all hosts first.'],
  };
}

interface Asked {
  product: Product;
  client: Client;
  hosts: readonly string[];
  target: Awaited<ReturnType<typeof startStorage>>['target'];
}

async function queries({ product, client, hosts, target }: Asked): Promise<Table> {
  const basic = `Basic ${btoa(`${target.username ?? ''}:${target.password ?? ''}`)}`;
  const endS = Math.floor(Date.now() / 5_000) * 5;
  const host = (i: number): string => hosts[i % hosts.length] ?? '';
  const through = await timesOf(320, (i) =>
    client.get(
      `${product.url}/api/v1/metrics/query?host_id=${host(i)}&metric=cpu.utilization&range=1h`,
      product.adminToken,
    ),
  );
  const direct = await timesOf(320, (i) => {
    const query = `max(cpu_utilization{host_id="${host(i)}",tenant="default"})`;
    const asked = new URLSearchParams({
      ...{ query, nocache: '1', step: '5', start: String(endS - 3_595), end: String(endS) },
    });
    return client.get(`${target.baseUrl}/api/v1/query_range?${asked.toString()}`, basic);
  });
  const detail = await timesOf(320, (i) =>
    client.get(`${product.url}/api/v1/hosts/${host(i)}?range=1h`, product.adminToken),
  );
  return {
    title: '720 points, cold cache, ms',
    columns: ['', 'p50', 'p95', 'p99', 'target p95'],
    rows: [
      rowOf('/api/v1/metrics/query, 1 h at 5 s', through, '50'),
      rowOf('the same question to VictoriaMetrics itself', direct, ''),
      [
        ...['ratio', (median(through) / median(direct)).toFixed(2)],
        ...[(percentile(through, 95) / percentile(direct, 95)).toFixed(2), '', ''],
      ],
      rowOf('/api/v1/hosts/ID, all its metrics, 1 h at 5 s', detail, ''),
    ],
    notes: ['One request at a time, each of another host.'],
  };
}
