import { connected, connectLive, type LiveClient } from '../support/live.ts';
import { caller } from '../support/rest.ts';
import { store } from '../support/samples.ts';
import { databaseOf } from '../support/sql.ts';
import {
  cpuSeconds,
  percentile,
  rssMib,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';
import { makeFleet } from './api/fleet.ts';
import { print, type Table } from './report.ts';

interface Options {
  clients: number;
  hosts: number;
  changes: number;
}

/** A host that has no samples but those of the measurement. */
const watched = 'bench-live';

type Storage = Awaited<ReturnType<typeof startStorage>>;

/** Clients of one process who watch alerts and hosts: until the last of them has an update (issue 5, "Speed"). */
export async function benchLive(options: Options): Promise<Table> {
  const stage = new Stage();
  try {
    const table = await run(stage, options);
    print(table);
    return table;
  } finally {
    await stage.end();
  }
}

async function run(stage: Stage, { clients: count, hosts, changes }: Options): Promise<Table> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage, { GAUGEWAY_LIVE_INTERVAL: '1s' });
  await makeFleet(stage, product, storage, {
    ...{ count: hosts, forMs: 600_000, stepMs: 5_000 },
  });
  await caller(product, product.adminToken)('POST', '/api/v1/hosts', { hostname: watched });
  const rssBefore = rssMib(product.pid);
  const clients = await connectAll(stage, product, count);
  await until('all know the hosts', () =>
    Promise.resolve(clients.every((one) => one.of('metrics').length > 0)),
  );
  const idle = await cpuOver(product, 10_000);
  const rss = rssMib(product.pid);
  const alerts = await alertDelays(stage, product, clients, changes);
  const figures = await figureDelays(storage, clients, 10);
  const row = (name: string, values: readonly number[]): string[] => [
    name,
    ...[50, 99].map((p) => percentile(values, p).toFixed(0)),
    Math.max(...values).toFixed(0),
  ];
  return {
    title: `${String(count)} live clients on one process, ${String(hosts)} hosts, ms`,
    columns: ['', 'p50', 'p99', 'max'],
    rows: [
      row('alert: from its commit to each client', alerts.each),
      row('alert: from its commit to the last client (target ≤ 1,000)', alerts.last),
      row('figures: from the first client told to the last', figures),
      ['CPU of one core while figures change every second, %', (idle * 100).toFixed(1), '', ''],
      ['memory a client, KiB', (((rss - rssBefore) * 1_024) / count).toFixed(0), '', ''],
    ],
    notes: [
      `All clients are socket.io-client over websockets in the bench's own process, on the same machine: what they need to read counts as well. ${String(changes)} alerts, one after the other; each client watches \`alerts\` and \`hosts\`; figures are looked at every second (default 5 s).`,
    ],
  };
}

async function connectAll(stage: Stage, product: Product, count: number): Promise<LiveClient[]> {
  const clients: LiveClient[] = [];
  for (let from = 0; from < count; from += 50) {
    const some = Array.from({ length: Math.min(50, count - from) }, () =>
      connectLive(stage, product, product.readKey),
    );
    await Promise.all(some.map(connected));
    await Promise.all(some.map(watch));
    clients.push(...some);
  }
  return clients;
}

async function watch(client: LiveClient): Promise<void> {
  for (const room of ['alerts', 'hosts']) {
    const answer = await client.ask('subscribe', { room });
    if (answer['ok'] !== true) throw new Error(JSON.stringify(answer));
  }
}

async function cpuOver({ pid }: Product, forMs: number): Promise<number> {
  const before = cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, forMs));
  return (cpuSeconds(pid) - before) / (forMs / 1_000);
}

/** When each client hears of each, from the moment at which Postgres has it. */
async function alertDelays(
  stage: Stage,
  product: Product,
  clients: readonly LiveClient[],
  changes: number,
): Promise<{ each: number[]; last: number[] }> {
  const knex = databaseOf(stage, product);
  const each: number[] = [];
  const last: number[] = [];
  for (let i = 0; i < changes; i += 1) {
    const name = `Bench ${String(i)}`;
    const heard = hearing(clients, 'alert', (body) => body['rule_name'] === name);
    await knex.transaction(async (trx) => {
      const [incident] = await trx('incidents')
        .insert({
          ...{ id: crypto.randomUUID(), tenant_id: 'default', group_key: 'b', rule_key: 'b' },
          ...{ rule_name: name, fingerprint: name, label_key: 'l', labels: '{}' },
          ...{ annotations: '{}', value: 1, opened_at_ms: Date.now(), told: 'firing' },
        })
        .returning<{ id: string }[]>('id');
      await trx('incident_events').insert({
        ...{ tenant_id: 'default', incident_id: incident?.id, at_ms: Date.now(), kind: 'opened' },
      });
    });
    const committed = performance.now();
    const times = (await heard).map((at) => Math.max(0, at - committed));
    each.push(...times);
    last.push(Math.max(...times));
  }
  return { each, last };
}

/** One host's figure changes: how long after the first client the last one hears of it. */
async function figureDelays(
  storage: Storage,
  clients: readonly LiveClient[],
  changes: number,
): Promise<number[]> {
  const spreads: number[] = [];
  for (let i = 0; i < changes; i += 1) {
    const value = 20 + i;
    const isMeant = (host: Record<string, unknown>): boolean =>
      host['id'] === watched && host['cpu_pct'] === value;
    const heard = hearing(clients, 'metrics', (body) =>
      (body['hosts'] as Record<string, unknown>[]).some(isMeant),
    );
    const points = [[Date.now() - 1_000, value]] as const;
    await store(storage.target, [{ metric: 'cpu_utilization', hostId: watched, points }]);
    const times = await heard;
    spreads.push(Math.max(...times) - Math.min(...times));
  }
  return spreads;
}

/** The moment at which each client was told what is meant. */
function hearing(
  clients: readonly LiveClient[],
  name: string,
  isMeant: (body: Record<string, unknown>) => boolean,
): Promise<number[]> {
  return Promise.all(
    clients.map(
      ({ socket }) =>
        new Promise<number>((resolve) => {
          const listen = (body: Record<string, unknown>): void => {
            if (!isMeant(body)) return;
            socket.off(name, listen);
            resolve(performance.now());
          };
          socket.on(name, listen);
        }),
    ),
  );
}
