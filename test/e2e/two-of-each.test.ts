import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Accountant } from '../support/accountant.ts';
import { database, type Rows } from '../support/alerts.ts';
import { startBalancer, type Balancer } from '../support/balancer.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { caller, listOf, type Call } from '../support/rest.ts';
import { startSmtp, type SmtpServer } from '../support/smtp.ts';
import {
  freePort,
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
  type Program,
} from '../support/stage.ts';

const stage = new Stage();
/** They come into several groups, which the rulers share. */
const ruleCount = 16;
const intervalMs = 10_000;
const names = Array.from({ length: ruleCount }, (_, i) => `Hot ${String(i + 10)}`);

/** A process of one role that can be killed and comes back on the same data. */
interface Replica {
  url: string;
  readonly pid: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

let storage: Awaited<ReturnType<typeof startStorage>>;
let product: Product;
let gateways: Replica[];
let rulers: Replica[];
let workers: Replica[];
let balancer: Balancer;
let receiver: Receiver;
let smtp: SmtpServer;
let admin: Call;
let rows: Rows;
let busy = 20;
const accountant = new Accountant();

beforeAll(async () => {
  storage = await startStorage(stage);
  [smtp, receiver] = [await startSmtp(stage), await startReceiver(stage)];
  const shared = {
    GAUGEWAY_SIGNING_KEY: randomBytes(32).toString('base64url'),
    GAUGEWAY_RULES_DIR: stage.directory(),
    GAUGEWAY_ALERTS_INTERVAL: '10s',
    GAUGEWAY_ALERTS_LEASE_TTL: '2s',
    GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
    GAUGEWAY_SMTP_URL: smtp.url,
    GAUGEWAY_REPORTS_LOOK_INTERVAL: '200ms',
  };
  const files = stage.directory();
  product = await startProduct(stage, storage, {
    ...{ ...shared, GAUGEWAY_ROLES: 'api', GAUGEWAY_DATA_DIR: files },
  });
  const two = (role: string, env: () => Record<string, string> = () => ({})) =>
    Promise.all([1, 2].map(() => startReplica({ ...shared, GAUGEWAY_ROLES: role, ...env() })));
  [gateways, rulers, workers] = await Promise.all([
    two('gateway'),
    two('ruler'),
    // What workers make is handed out by `api`.
    two('worker', () => ({ GAUGEWAY_DATA_DIR: files })),
  ]);
  balancer = await startBalancer(
    stage,
    gateways.map(({ url }) => url),
  );
  rows = await database(stage, product);
  admin = caller(product, product.adminToken);
  for (const name of names) {
    const { status } = await admin('POST', '/api/v1/alerts/rules', {
      ...{ name, expression: 'cpu.utilization > 90', duration: 'static' },
      channels: [`webhook:${receiver.url}/${encodeURIComponent(name)}`],
    });
    expect(status).toBe(201);
  }
  const timer = setInterval(() => void tellHowBusy(), 1_000);
  stage.onEnd(() => {
    clearInterval(timer);
  });
  accountant.start(balancer.url, product.writeKey, { connections: 4, pauseMs: 10 });
}, 240_000);
afterAll(async () => {
  await accountant.stop();
  await stage.end();
}, 120_000);

async function startReplica(env: Record<string, string>): Promise<Replica> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const environment = {
    GAUGEWAY_LISTEN: `127.0.0.1:${String(port)}`,
    GAUGEWAY_DATA_DIR: stage.directory(),
    GAUGEWAY_DATABASE_URL: product.postgres.url,
    GAUGEWAY_VICTORIA_RAW_URL: storage.url,
    GAUGEWAY_LOG_LEVEL: 'warn',
    GAUGEWAY_OBSERVE_OWN: 'false',
    GAUGEWAY_INGEST_LIMITS_SAMPLES_PER_SECOND: '0',
    GAUGEWAY_INGEST_LIMITS_BURST: '0',
    GAUGEWAY_INGEST_TIMESTAMP_PAST: '24h',
    GAUGEWAY_ADMIN_PASSWORD: 'not-read-at-a-second-start',
    ...storage.env,
    ...env,
  };
  const run = (): Promise<Program> =>
    launch(
      stage,
      { url, health: '/health' },
      process.execPath,
      ['bin/gaugeway.js', 'serve'],
      environment,
    );
  let program = await run();
  return {
    url,
    get pid() {
      return program.pid;
    },
    async kill() {
      const gone = new Promise((resolve) => program.child.once('exit', resolve));
      program.child.kill('SIGKILL');
      await gone;
    },
    async restart() {
      program = await run();
    },
  };
}

/** As agents without a library do; one that is not taken is followed by the next second's. */
async function tellHowBusy(): Promise<void> {
  await fetch(`${balancer.url}/api/v1/ingest/metrics`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${product.writeKey}`,
    },
    body: JSON.stringify({
      host_id: 'web-1',
      metrics: [{ metric: 'cpu.utilization', ts: Date.now(), value: busy }],
    }),
  }).catch(() => undefined);
}

/** A fault falls into a running stream. */
async function moreAcknowledged(count: number): Promise<void> {
  const goal = accountant.acknowledged.size + count;
  await until(
    `${String(count)} more are acknowledged`,
    () => Promise.resolve(accountant.acknowledged.size >= goal),
    120_000,
  );
}

/** Process ids of those who hold the groups of the rules between them; empty while one is free. */
async function owners(): Promise<number[]> {
  const found = await rows(
    `SELECT CASE WHEN lease_until > now() THEN lease_owner END AS lease_owner
     FROM rule_groups WHERE key LIKE 'api;%'`,
  );
  if (found.some(({ lease_owner: owner }) => owner === null)) return [];
  return [...new Set(found.map(({ lease_owner: owner }) => Number(String(owner).split(':')[1])))];
}

const openIncidents = async (): Promise<number> =>
  (await rows(`SELECT 1 FROM incidents WHERE rule_name LIKE 'Hot %' AND closed_at_ms IS NULL`))
    .length;

/** Alerts that the receiver was told of, as `Hot 1 firing`, in alphabetical order. */
const told = (): string[] =>
  receiver.posts
    .flatMap(({ body }) => {
      const { alerts } = JSON.parse(body) as {
        alerts: { status: string; labels: Record<string, string> }[];
      };
      return alerts.map(({ status, labels }) => `${labels['alertname'] ?? ''} ${status}`);
    })
    .sort();
const each = (...statuses: string[]): string[] =>
  names.flatMap((name) => statuses.map((status) => `${name} ${status}`)).sort();

/** The moments at which each group was evaluated, oldest first. */
async function slots(): Promise<Map<string, number[]>> {
  const found = await rows(
    `SELECT DISTINCT group_key, slot_ms FROM rule_evaluations WHERE group_key LIKE 'api;%'
     ORDER BY slot_ms`,
  );
  const byGroup = new Map<string, number[]>();
  for (const { group_key: key, slot_ms: slot } of found) {
    byGroup.set(String(key), [...(byGroup.get(String(key)) ?? []), Number(slot)]);
  }
  return byGroup;
}

describe('two of each role over one Postgres and one VictoriaMetrics, under load', () => {
  it('share the work', async () => {
    await until('both rulers have groups', async () => (await owners()).length === 2);
    await moreAcknowledged(100);
    expect([...balancer.answers.keys()].sort()).toEqual(gateways.map(({ url }) => url).sort());
  }, 120_000);

  it('go on when a gateway is killed: senders are served by the other one', async () => {
    const [first] = gateways;
    await first!.kill();
    await moreAcknowledged(200);
    busy = 97;
    await until('all fire', async () => (await openIncidents()) === ruleCount, 120_000);
    await first!.restart();
    const before = balancer.answers.get(first!.url) ?? 0;
    await until('it takes its share again', () =>
      Promise.resolve((balancer.answers.get(first!.url) ?? 0) > before),
    );
  }, 240_000);

  it('go on when a ruler is killed: the other one has its groups after two evaluations at most', async () => {
    await until('all were told', () => Promise.resolve(told().length >= ruleCount));
    const [first, second] = rulers;
    const before = await slots();
    await first!.kill();
    await until('the other has all', async () => (await owners()).join() === String(second!.pid));
    await until(
      'each group was evaluated twice since',
      async () => {
        const now = await slots();
        return [...now].every(([key, of]) => of.length >= (before.get(key)?.length ?? 0) + 2);
      },
      120_000,
    );
    for (const [key, of] of await slots()) {
      const from = (before.get(key)?.length ?? 1) - 1;
      const gaps = of.slice(from).flatMap((slot, i, all) => (i === 0 ? [] : [slot - all[i - 1]!]));
      // Slots that nobody evaluated between two that somebody did.
      expect(Math.max(...gaps) / intervalMs - 1).toBeLessThanOrEqual(2);
      expect(new Set(of).size).toBe(of.length);
    }
    await first!.restart();
    await until('they share again', async () => (await owners()).length === 2);
    expect(told()).toEqual(each('firing'));
  }, 240_000);

  it('go on when a worker is killed: messages and reports are made once, by the other one', async () => {
    await workers[0]!.kill();
    busy = 10;
    await until('all are resolved', async () => (await openIncidents()) === 0, 120_000);
    await until('all were told', () => Promise.resolve(told().length >= 2 * ruleCount), 120_000);
    const { status, body } = await admin('POST', '/api/v1/reports/schedules', {
      ...{ name: 'Weekly', recipients: ['boss@example.com'], time_zone: 'Europe/Berlin' },
    });
    expect(status).toBe(201);
    const id = String(body['id']);
    await workers[0]!.restart();
    await rows(`UPDATE report_schedules SET next_run_at = now() - interval '1 s' WHERE id = $1`, [
      id,
    ]);
    const runs = async () =>
      listOf(await admin('GET', `/api/v1/reports/runs?schedule_id=${id}`), 'runs');
    await until(
      'the report is made',
      async () => (await runs()).some((run) => run['status'] === 'done'),
      120_000,
    );
    expect(await runs()).toHaveLength(1);
    expect(smtp.mails.map(({ to }) => to)).toEqual(['boss@example.com']);
  }, 300_000);

  it('have stored everything acknowledged once, and told everything once', async () => {
    await moreAcknowledged(100);
    await accountant.stop();
    let audit = await accountant.audit(storage.target);
    await until('nothing acknowledged is missing', async () => {
      audit = await accountant.audit(storage.target);
      return audit.lost === 0;
    }).catch(() => undefined);
    expect(audit).toMatchObject({ lost: 0, doubled: 0 });
    expect(accountant.unexpected).toEqual(new Map());
    expect(told()).toEqual(each('firing', 'resolved'));
    const incidents = await rows(`SELECT 1 FROM incidents WHERE rule_name LIKE 'Hot %'`);
    expect(incidents).toHaveLength(ruleCount);
    const doubled = await rows(
      `SELECT incident_id, kind, count(*) FROM incident_events
       WHERE kind IN ('firing', 'resolved') GROUP BY 1, 2 HAVING count(*) > 1`,
    );
    expect(doubled).toEqual([]);
  }, 180_000);
});
