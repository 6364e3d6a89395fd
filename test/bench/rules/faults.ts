import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { database, send, type Rows } from '../../support/alerts.ts';
import { startReceiver, type Receiver } from '../../support/receiver.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';
import { ruleFile } from './rule-file.ts';

interface Options {
  seconds: number;
  rules: number;
  hosts: number;
  /** Between two faults, milliseconds. */
  everyMs: number;
}

/** How long half of the hosts stay above or below the thresholds: the load of changes. */
const turnMs = 20_000;
const frozenMs = 8_000;

/**
 * Three processes of all roles over one database, one of them killed or frozen every few seconds under many rules; in the
 * end every episode must have been told, in order, and what was told twice is counted.
 */
export async function benchRulerFaults(options: Options): Promise<Table[]> {
  const stage = new Stage();
  try {
    const table = await run(stage, options);
    print(table);
    return [table];
  } finally {
    await stage.end();
  }
}

async function run(stage: Stage, options: Options): Promise<Table> {
  const receiver = await startReceiver(stage);
  const folder = stage.directory();
  writeFileSync(join(folder, 'bench.yaml'), ruleFile(options.rules, options.hosts, '5s'));
  const storage = await startStorage(stage);
  const env = { GAUGEWAY_RULES_DIR: folder, GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true' };
  // Samples come by a process of its own, which nothing happens to.
  const gateway = await startProduct(stage, storage, { ...env, GAUGEWAY_ROLES: 'gateway,api' });
  const workers: Product[] = [];
  for (let i = 0; i < 3; i += 1) {
    const shared = { ...env, GAUGEWAY_DATABASE_URL: gateway.postgres.url };
    workers.push(
      await startProduct(stage, storage, { ...shared, GAUGEWAY_ROLES: 'ruler,worker,api' }),
    );
  }
  const channel = { name: 'hook', kind: 'webhook', target: receiver.url, is_default: true };
  await fetch(`${gateway.url}/api/v1/channels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: gateway.adminToken },
    body: JSON.stringify(channel),
  });
  const rows = await database(stage, gateway);
  const load = startLoad(gateway, options.hosts);
  const faults = await breakThings(workers, options);
  await load.end();
  const settled = await settle(rows);
  return toTable(await count(rows, receiver), faults, settled, options);
}

/** Turns some hosts hot and cool again; at the end all are cool. */
function startLoad(gateway: Product, hosts: number) {
  const startMs = Date.now();
  let isOver = false;
  const post = async (): Promise<void> => {
    const turn = Math.floor((Date.now() - startMs) / turnMs) % 2;
    const points = Array.from({ length: hosts }, (_, host) => {
      const isHot = !isOver && host % 10 === 0 && turn === 0;
      return {
        labels: { __name__: 'cpu_utilization', host_id: `h-${host}`, role: 'web' },
        value: isHot ? 97 : 20,
      };
    });
    await send(gateway, points).catch(() => undefined);
  };
  const timer = setInterval(() => void post(), 2_500);
  return {
    async end(): Promise<void> {
      isOver = true;
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      clearInterval(timer);
    },
  };
}

interface Faults {
  kills: number;
  freezes: number;
}

async function breakThings(workers: readonly Product[], options: Options): Promise<Faults> {
  const faults = { kills: 0, freezes: 0 };
  const untilMs = Date.now() + options.seconds * 1_000;
  for (let turn = 0; Date.now() < untilMs; turn += 1) {
    const victim = workers[turn % workers.length]!;
    await new Promise((resolve) => setTimeout(resolve, options.everyMs));
    if (turn % 3 === 2) {
      const { pid } = victim;
      process.kill(pid, 'SIGSTOP');
      setTimeout(() => process.kill(pid, 'SIGCONT'), frozenMs);
      await new Promise((resolve) => setTimeout(resolve, frozenMs));
      faults.freezes += 1;
    } else {
      await victim.kill('SIGKILL');
      await victim.restart();
      faults.kills += 1;
    }
  }
  return faults;
}

async function settle(rows: Rows): Promise<boolean> {
  try {
    await until(
      'everything is over and told',
      async () => {
        const [row] = await rows(
          `SELECT (SELECT count(*) FROM incidents WHERE closed_at_ms IS NULL) AS open,
             (SELECT count(*) FROM deliveries WHERE status IN ('queued', 'sending')) AS waiting`,
        );
        return Number(row?.['open']) === 0 && Number(row?.['waiting']) === 0;
      },
      180_000,
    );
    return true;
  } catch {
    return false;
  }
}

interface Counts {
  incidents: number;
  /** Changes that stand twice in a row in one timeline. */
  doubled: number;
  messages: number;
  dead: number;
  /** Rows of the outbox whose message the receiver never had. */
  lost: number;
  /** Posts with an idempotency key that had come before. */
  repeated: number;
}

async function count(rows: Rows, receiver: Receiver): Promise<Counts> {
  const one = async (sql: string) => Number((await rows(sql))[0]?.['n']);
  const keys = receiver.posts.map(({ headers }) => String(headers['idempotency-key']));
  const had = new Set(keys);
  const sent = await rows(`SELECT DISTINCT message_id FROM deliveries WHERE status = 'sent'`);
  return {
    incidents: await one('SELECT count(*) AS n FROM incidents'),
    doubled: await one(
      `SELECT count(*) AS n FROM (
         SELECT kind, lag(kind) OVER (PARTITION BY incident_id ORDER BY id) AS before FROM incident_events
         WHERE kind IN ('firing', 'resolved', 'reopened')) AS e WHERE kind = before`,
    ),
    messages: keys.length,
    dead: await one(`SELECT count(*) AS n FROM deliveries WHERE status = 'dead'`),
    lost: sent.filter(({ message_id: id }) => !had.has(String(id))).length,
    repeated: keys.length - had.size,
  };
}

function toTable(counts: Counts, faults: Faults, isSettled: boolean, options: Options): Table {
  return {
    title: `Faults: ${options.rules} rules every 5 s over ${options.hosts} hosts, three processes, ${options.seconds} s`,
    columns: [
      ...['kill -9', 'frozen 8 s', 'incidents', 'changes stored twice', 'messages'],
      ...['repeated', 'lost', 'given up', 'all over and told in the end'],
    ],
    rows: [
      [
        ...[faults.kills, faults.freezes, counts.incidents, counts.doubled, counts.messages],
        ...[counts.repeated, counts.lost, counts.dead],
      ]
        .map(String)
        .concat(isSettled ? 'yes' : 'no'),
    ],
    notes: [
      'Repeated: the receiver had the idempotency key before; only a kill between a send and its mark makes one. Lost: the outbox says sent, and the receiver never had it.',
    ],
  };
}
