import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, type Point } from '../support/alerts.ts';
import { startVictoria, type Peer } from '../support/peers.ts';
import { startPrometheusApi, type PrometheusApi } from '../support/prometheus-api.ts';
import { caller, listOf, type Call } from '../support/rest.ts';
import { Stage, startProduct, until, type Product } from '../support/stage.ts';

const stage = new Stage();
const peers: Peer[] = [];
let product: Product;
let admin: Call;
const keys = new Map<string, string>();
/** The same samples in one storage: what answers should be. */
let whole: PrometheusApi;

const hosts = [
  { name: 'east-1', zone: 'east', role: 'web' },
  { name: 'east-2', zone: 'east', role: 'db' },
  { name: 'west-1', zone: 'west', role: 'web' },
  { name: 'west-2', zone: 'west', role: 'web' },
  { name: 'nowhere', zone: undefined, role: 'db' },
];
const minute = 60_000;
const endMs = Math.floor(Date.now() / minute) * minute;

const rule = `groups:
  - name: zones
    interval: 1s
    rules:
      - alert: West Is High
        expr: node_level{host_id="west-2"} > 3
        labels: {severity: warning}
`;

beforeAll(async () => {
  for (let i = 0; i < 4; i += 1) peers.push(await startVictoria());
  const [raw, east, west, all] = peers;
  const folder = stage.directory();
  writeFileSync(join(folder, 'zones.yaml'), rule);
  product = await startProduct(
    stage,
    { url: raw!.url },
    {
      GAUGEWAY_FORWARD_SHARDS: `east=${east!.url},west=${west!.url}`,
      GAUGEWAY_RULES_DIR: folder,
    },
  );
  admin = caller(product, product.adminToken);
  for (const { name, zone, role } of hosts) {
    const tags = { role, ...(zone === undefined ? {} : { zone }) };
    const made = await admin('POST', '/api/v1/hosts', { hostname: name, tags });
    expect(made.status).toBe(201);
    // The tags of a host are those of the sender whose key is bound to it.
    keys.set(name, await product.makeKey({ name, scopes: ['write'], host_id: name }));
  }
  for (let ago = 20; ago >= 0; ago -= 1) {
    for (const [at, { name }] of hosts.entries()) await sendAs(name, samplesOf(name, at, ago));
  }
  // Batches are sent side by side: the newest samples may be there before others are.
  const sent = 21 * hosts.length * Object.keys(samplesOf('', 0, 0)).length;
  let exported: string[] = [];
  await until('the zones have all samples', async () => {
    exported = await Promise.all([raw!, east!, west!].map(exportOf));
    const lines = exported.join('').trim().split('\n');
    const counts = lines.map((line) => (JSON.parse(line) as { values: number[] }).values.length);
    return counts.reduce((sum, count) => sum + count, 0) === sent;
  });
  for (const body of exported) await fetch(`${all!.url}/api/v1/import`, { method: 'POST', body });
  await fetch(`${all!.url}/internal/force_flush`);
  whole = await startPrometheusApi({ victoriaUrl: all!.url });
}, 120_000);
afterAll(async () => {
  await whole.stop();
  await stage.end();
  for (const peer of peers) await peer.stop();
});

async function exportOf({ url }: Peer): Promise<string> {
  await fetch(`${url}/internal/force_flush`);
  return (await fetch(`${url}/api/v1/export?match[]={tenant="default"}`)).text();
}

const sendAs = (host: string, points: readonly Point[]): Promise<void> =>
  send({ ...product, writeKey: keys.get(host)! }, points);

function samplesOf(host: string, at: number, ago: number): Point[] {
  const values = {
    node_level: at + (ago % 3),
    node_work_total: (21 - ago) * (at + 1),
    node_weight: 2,
  };
  return Object.entries(values).map(([name, value]) => ({
    ...{ labels: { __name__: name, host_id: host }, value },
    timestampMs: endMs - ago * minute,
  }));
}

interface Row {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}
interface Seen {
  status: number;
  rows: Row[];
  warnings?: string[];
  error?: string;
}

async function ask(
  of: { url: string; readKey?: string },
  path: string,
  args: Record<string, string>,
): Promise<Seen> {
  const authorization = of.readKey ? `Bearer ${of.readKey}` : `Basic ${btoa('any:default')}`;
  const url = `${of.url}/api/v1/${path}?${new URLSearchParams(args).toString()}`;
  const answer = await fetch(url, { headers: { authorization } });
  const body = (await answer.json()) as {
    data?: { result: Row[] };
    warnings?: string[];
    error?: string;
  };
  const { warnings, error } = body;
  return {
    ...{ status: answer.status, rows: body.data?.result ?? [] },
    ...(warnings ? { warnings } : {}),
    ...(error ? { error } : {}),
  };
}

const byLabels = (rows: readonly Row[]): Row[] =>
  [...rows].sort((a, b) => (JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1));

describe('samples of zones in storages of their own', () => {
  it('are each where their host belongs', async () => {
    const kept = await Promise.all(
      peers.slice(0, 3).map(async ({ url }) => {
        const answer = await fetch(`${url}/api/v1/label/host_id/values`);
        return ((await answer.json()) as { data: string[] }).data;
      }),
    );
    expect(kept).toEqual([['nowhere'], ['east-1', 'east-2'], ['west-1', 'west-2']]);
  });

  it.each([
    'node_level',
    'node_level{zone="west"}',
    'node_level > 2',
    'rate(node_work_total[5m])',
    'max_over_time(node_level[10m])',
    'node_level * on(host_id) node_weight',
    'sum by (host_id) (node_level) > 1',
    'sum(node_level)',
    'count(node_level > 1)',
    'min by (role) (node_level)',
    'max(node_level)',
    'group(node_level)',
    'avg(node_level)',
    'avg by (role) (node_level)',
    'sum by (role) (rate(node_work_total[5m]))',
    'max(avg_over_time(node_level[5m]) + 1)',
    'no_such_metric',
  ])('%s: is answered as by one storage', async (query) => {
    const time = String(endMs / 1_000);
    const range = { query, start: String(endMs / 1_000 - 900), end: time, step: '60' };
    for (const [path, args] of [
      ['query', { query, time }],
      ['query_range', range],
    ] as const) {
      const [seen, wanted] = [await ask(product, path, args), await ask(whole, path, args)];
      expect([seen.status, seen.warnings]).toEqual([200, undefined]);
      expect(byLabels(seen.rows)).toEqual(byLabels(wanted.rows));
      if (query !== 'no_such_metric') expect(seen.rows.length).toBeGreaterThan(0);
    }
  });

  it.each([
    'sum(node_level) / count(node_level)',
    'topk(1, node_level)',
    'quantile(0.5, node_level)',
    'absent(node_level)',
    'node_level * on(role) group_left node_weight',
    'count(count by (role) (node_level))',
  ])('%s: is refused, since no storage has all that it needs', async (query) => {
    const { status, error } = await ask(product, 'query', { query });
    expect(status).toBe(422);
    expect(error).toMatch(/^characters \d+ to \d+ of the query need the series of all zones/);
  });

  it('have their names and series in every list', async () => {
    const headers = { authorization: `Bearer ${product.readKey}` };
    const list = async (path: string): Promise<unknown> =>
      (
        (await (await fetch(`${product.url}/api/v1/${path}`, { headers })).json()) as {
          data: unknown;
        }
      ).data;
    expect(await list('label/zone/values')).toEqual(['east', 'west']);
    expect(await list('label/host_id/values')).toEqual(hosts.map(({ name }) => name).sort());
    expect(
      await list(`series?match[]=node_level&start=${String(endMs / 1_000 - 900)}`),
    ).toHaveLength(5);
  });

  it('are seen by rules', async () => {
    await until('the alert of a host in a zone fires', async () => {
      await sendAs('west-2', [{ labels: { __name__: 'node_level', host_id: 'west-2' }, value: 9 }]);
      const events = await admin('GET', '/api/v1/alerts/events?state=firing');
      return listOf(events, 'alerts').some((one) => one['rule_name'] === 'West Is High');
    });
  });

  it('are gone with a host that is deleted with its series', async () => {
    const { body } = await admin('DELETE', '/api/v1/hosts/east-2?series=delete');
    expect(body['series']).toBe('deleted');
    const answer = await fetch(`${peers[1]!.url}/api/v1/query?query=node_level&nocache=1`);
    const { data } = (await answer.json()) as { data: { result: Row[] } };
    expect(data.result.map(({ metric }) => metric['host_id'])).toEqual(['east-1']);
  });

  it('are missing while their storage is away, and that is said', async () => {
    await peers[2]!.stop();
    const seen = await ask(product, 'query', {
      query: 'node_level{role!=""}',
      time: String(endMs / 1_000),
    });
    expect(seen.status).toBe(200);
    expect(seen.warnings).toEqual(['storage answered with a part of the data only']);
    expect(seen.rows.map(({ metric }) => metric['host_id']).sort()).toEqual(['east-1', 'nowhere']);
  });
});
