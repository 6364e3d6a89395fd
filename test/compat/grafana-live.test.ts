import {
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected, connectLive } from '../support/live.ts';
import { ask } from '../support/scraped.ts';
import {
  launch,
  postJson,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';
import { startTier, tierEnvironment } from '../support/tiers.ts';

const dashboards = join(import.meta.dirname, '../../grafana-compat/dashboards');
const fixture = join(import.meta.dirname, '../fixtures/hosts/plain/1');
const hostId = 'live-host';

const stage = new Stage();
let product: Product;

/** A tool that tells of one card, in nvidia-smi's place. */
function fakeCard(): string {
  const path = join(stage.directory(), 'nvidia-smi');
  const card =
    '0, GPU-6f1c9a52-0b1d-4f0e-8c55-3d2f6a7b9e01, NVIDIA A100, 97, 71234, 81920, 61, 388.4';
  writeFileSync(
    path,
    `#!/bin/sh\ncase "$3" in *query-gpu*) ;; *) exec sleep 600 ;; esac\nwhile :; do echo '${card}'; sleep 1; done\n`,
    { mode: 0o755 },
  );
  return path;
}

/** A host with disks, swap and a network card whatever this machine has; its processors are this machine's. */
function recordedHost(): string {
  const proc = join(stage.directory(), 'proc');
  cpSync(fixture, proc, { recursive: true });
  // The agent reads another root's network in the namespace of its first process.
  renameSync(join(proc, 'net'), join(proc, '1', 'net'));
  // Two programs that do work: this test and the product.
  for (const pid of [process.pid, product.pid]) {
    symlinkSync(`/proc/${String(pid)}`, join(proc, String(pid)));
  }
  rmSync(join(proc, 'stat'));
  symlinkSync('/proc/stat', join(proc, 'stat'));
  return proc;
}

/** A folder with a rule that is evaluated as often as the panels are looked at. */
function rulesOfASecond(): string {
  const folder = stage.directory();
  const rule = {
    id: 'r',
    name: 'Always',
    promql: 'vector(1)',
    severity: 'none',
    channels: ['none'],
  };
  writeFileSync(join(folder, 'own.yaml'), JSON.stringify({ interval: '1s', rules: [rule] }));
  return folder;
}

/** What people look at: lists, and something that is not there. */
async function askLists(): Promise<void> {
  const headers = { authorization: `Bearer ${product.readKey}` };
  for (const path of ['hosts', 'hosts/nobody']) {
    await fetch(`${product.url}/api/v1/${path}`, { headers }).catch(() => undefined);
  }
}

/** Who watches, and who is turned away. */
async function watchHosts(): Promise<void> {
  const watching = connectLive(stage, product, product.readKey);
  await connected(watching);
  await watching.ask('subscribe', { room: 'hosts' });
}

const turnAway = (): void => void connectLive(stage, product, 'nobody');

/** Reports, one after the other: their count goes up. */
async function makeReports(): Promise<void> {
  const path = '/api/v1/reports/schedules';
  const { id } = await postJson(product.url + path, { name: 'Weekly' }, product.adminToken);
  const run = () => postJson(`${product.url}${path}/${id}/run`, {}, product.adminToken);
  await run();
  await until('a report is counted', async () => {
    const query = 'gaugeway_reports_runs_total';
    return (await ask(product, '/api/v1/query', { query })).result.length > 0;
  });
  await run();
}

beforeAll(async () => {
  const tier = await startTier(stage, '1m');
  product = await startProduct(stage, await startStorage(stage), {
    ...tierEnvironment('1m', tier.target),
    GAUGEWAY_OBSERVE_OWN: 'true',
    ...{ GAUGEWAY_OBSERVE_INTERVAL: '1s', GAUGEWAY_LIVE_INTERVAL: '500ms' },
    GAUGEWAY_REPORTS_LOOK_INTERVAL: '200ms',
    GAUGEWAY_RULES_DIR: rulesOfASecond(),
  });
  const key = await product.makeKey({ name: 'agent', scopes: ['write'], host_id: hostId });
  await launch(stage, undefined, process.execPath, ['dist/gaugeway-agent.js', 'run'], {
    GAUGEWAY_AGENT_URL: product.url,
    GAUGEWAY_AGENT_KEY: key,
    GAUGEWAY_AGENT_HOST_ID: hostId,
    GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
    GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
    GAUGEWAY_AGENT_REMOTE_CONFIG: 'false',
    GAUGEWAY_AGENT_PROCFS: recordedHost(),
    GAUGEWAY_AGENT_GPU: 'on',
    GAUGEWAY_AGENT_NVIDIA_SMI: fakeCard(),
  });
  const ts = new Date().toISOString();
  await postJson(
    `${product.url}/api/v1/ingest/metrics`,
    {
      host_id: 'posts',
      metrics: ['cpu.load1', 'no.such'].map((metric) => ({ metric, ts, value: 1 })),
    },
    `Bearer ${product.writeKey}`,
  ).catch(() => undefined); // The unknown one is refused, which is wanted.
  await watchHosts();
  const asking = setInterval(() => {
    void askLists();
    turnAway();
  }, 500);
  stage.onEnd(() => clearInterval(asking));
  await makeReports();
  const waiting = new Set(panels);
  await until(
    'every panel shows something',
    async () => {
      for (const panel of waiting)
        if ((await pointsOf(panel)) >= wanted(panel)) waiting.delete(panel);
      return waiting.size === 0;
    },
    45_000,
  ).catch(() => undefined); // Each panel's own test says which one shows nothing.
}, 120_000);

afterAll(() => stage.end());

interface Target {
  expr: string;
  instant?: boolean;
}

interface Dashboard {
  panels: { title: string; targets: Target[] }[];
  templating: { list: { query: { query: string } }[] };
}

/** What Grafana puts in place of its variables. */
function filled(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '5s')
    .replaceAll('$host', hostId)
    .replaceAll('$instance', '.+')
    .replaceAll('$mountpoint', '.+');
}

const all = readdirSync(dashboards).map((file) => ({
  file,
  dashboard: JSON.parse(readFileSync(join(dashboards, file), 'utf8')) as Dashboard,
}));
const panels = all.flatMap(({ file, dashboard }) =>
  dashboard.panels.flatMap(({ title, targets }) =>
    targets.map((target) => ({ file, title, ...target })),
  ),
);
const variables = all.flatMap(({ file, dashboard }) =>
  dashboard.templating.list.map(({ query }) => ({ file, query: query.query })),
);

/** Points of the fullest series that the panel shows: others come and go. */
async function pointsOf({ expr, instant }: Target): Promise<number> {
  const query = filled(expr);
  if (instant) return (await ask(product, '/api/v1/query', { query })).result.length;
  const end = Date.now() / 1000;
  const range = { start: String(end - 15), end: String(end), step: '1' };
  const { result } = await ask(product, '/api/v1/query_range', { query, ...range });
  return Math.max(0, ...result.map(({ values }) => values?.length ?? 0));
}

const wanted = ({ instant }: Target): number => (instant ? 1 : 5);

describe('the dashboards against the running product', () => {
  it.each(panels)('$file: "$title" shows $expr', async (panel) => {
    expect(await pointsOf(panel)).toBeGreaterThanOrEqual(wanted(panel));
  });

  it.each(variables)('$file: the variable $query has values', async ({ query }) => {
    const [, selector = '', label = ''] = /^label_values\((.*), *(\w+)\)$/.exec(query) ?? [];
    const values = await ask<string[]>(product, `/api/v1/label/${label}/values`, {
      'match[]': filled(selector),
    });
    expect(values.length).toBeGreaterThan(0);
  });
});
