import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startVictoria, until, type Peer } from '../support/peers.ts';
import { asTenant, startPrometheusApi, type PrometheusApi } from '../support/prometheus-api.ts';

const run = promisify(execFile);
const dashboards = join(import.meta.dirname, '../../grafana-compat/dashboards');
const now = Math.floor(Date.now() / 1000);

let victoria: Peer;
let api: PrometheusApi;

/** As a process of Gaugeway labels what it stores of itself. */
const own = 'job="gaugeway",role="all"';

function histogram(name: string, labels = ''): [string, string, boolean][] {
  return ['0.1', '+Inf'].map((le) => [
    `${name}_bucket`,
    [own, labels, `le="${le}"`].filter(Boolean).join(),
    true,
  ]);
}

/** Name, labels beside the host's or instance's, whether it counts up. */
const written: [string, string?, boolean?][] = [
  ...['cpu_utilization', 'cpu_load1', 'cpu_load5', 'cpu_load15', 'mem_used_pct', 'mem_used_mb'].map(
    (name): [string] => [name],
  ),
  ...['mem_available_mb', 'mem_cache_mb', 'mem_swap_pct', 'net_sockets_active'].map(
    (name): [string] => [name],
  ),
  ...['agent_self_rss_bytes', 'agent_self_cpu_ratio'].map((name): [string] => [name]),
  ...['agent_heartbeat_timestamp_seconds', 'agent_clock_offset_seconds', 'agent_spool_bytes'].map(
    (name): [string] => [name],
  ),
  ['agent_stuck_mounts'],
  ['agent_sent_batches_total', '', true],
  ['agent_dropped_batches_total', 'reason="refused"', true],
  ['agent_unwritten_samples_total', '', true],
  ['agent_build_info', 'version="1.0.0"'],
  ['agent_collector_success', 'collector="cpu"'],
  ['agent_collector_duration_seconds', 'collector="cpu"'],
  ['proc_top_cpu_pct', 'process="db"'],
  ['proc_top_mem_mb', 'process="db"'],
  ...['gpu_utilization', 'gpu_memory_used_mb', 'gpu_memory_total_mb', 'gpu_temperature_c'].map(
    (name): [string, string] => [name, 'gpu="0",uuid="GPU-1",model="A100"'],
  ),
  ['gpu_power_w', 'gpu="0",uuid="GPU-1",model="A100"'],
  ['cpu_core', 'core="0"'],
  ['disk_used_pct', 'device="sda1",mountpoint="/",fstype="ext4"'],
  ...['disk_iops_read', 'disk_iops_write', 'disk_throughput_read_mbps'].map(
    (name): [string, string] => [name, 'device="sda"'],
  ),
  ['disk_throughput_write_mbps', 'device="sda"'],
  ...['net_tx_mbps', 'net_rx_mbps', 'net_errors', 'net_drops'].map((name): [string, string] => [
    name,
    'device="eth0"',
  ]),
  ['up', own],
  ['ingest_requests_total', `${own},outcome="accepted"`, true],
  ['ingest_errors_total', `${own},reason="rate_budget"`, true],
  ['ingest_datapoints_total', `${own},tenant_id="default"`, true],
  ['gaugeway_ingest_received_samples_total', `${own},tenant_id="default"`, true],
  ['gaugeway_ingest_refused_samples_total', `${own},tenant_id="default",reason="too_old"`, true],
  ['gaugeway_ingest_active_series', `${own},tenant_id="default"`],
  ...['queue_bytes', 'journal_bytes', 'journal_limit_bytes', 'journal_age_seconds'].map(
    (name): [string, string] => [`gaugeway_forward_${name}`, `${own},shard="raw"`],
  ),
  ['gaugeway_forward_storage_up', `${own},shard="raw"`],
  ['gaugeway_forward_sent_samples_total', `${own},shard="raw"`, true],
  ['api_requests_total', `${own},endpoint="/api/v1/hosts",status="404"`, true],
  ...histogram('api_latency_seconds', 'endpoint="/api/v1/hosts"'),
  ['gaugeway_http_cache_requests_total', `${own},result="hit"`, true],
  ['gaugeway_query_cache_requests_total', `${own},result="hit"`, true],
  ...histogram('gaugeway_query_storage_seconds', 'endpoint="query"'),
  ['alert_evaluations_total', `${own},outcome="ok"`, true],
  ['alert_notifications_sent_total', `${own},channel="email"`, true],
  ['gaugeway_ruler_group_seconds', `${own},group="host"`],
  ['gaugeway_ruler_alerts', `${own},state="firing"`],
  ...histogram('gaugeway_ruler_lag_seconds'),
  ['gaugeway_notify_outbox_rows', `${own},status="queued"`],
  ['gaugeway_notify_outbox_oldest_seconds', own],
  ...histogram('db_query_duration_seconds', 'outcome="ok"'),
  ['db_query_duration_seconds_count', `${own},outcome="ok"`, true],
  ['gaugeway_postgres_pool_connections', `${own},state="used"`],
  ['gaugeway_postgres_pool_waiting', own],
  ['gaugeway_postgres_pool_size', own],
  ['gaugeway_observe_samples_total', `${own},outcome="written"`, true],
  ['gaugeway_live_clients', own],
  ['gaugeway_live_events_total', `${own},event="status"`, true],
  ['gaugeway_live_refused_total', `${own},reason="SLOW"`, true],
  ['gaugeway_reports_runs_total', `${own},result="done"`, true],
  ['gaugeway_reports_run_seconds_bucket', `${own},le="1"`, true],
  ['gaugeway_reports_run_seconds_bucket', `${own},le="+Inf"`, true],
  ['gaugeway_retention_lag_seconds', `${own},tier="1m"`],
  ...['used', 'limit'].map((name): [string, string] => [
    `gaugeway_tenant_budget_${name}`,
    `${own},tenant_id="default",budget="max_active_series"`,
  ]),
  ['process_resident_memory_bytes', own],
  ['process_open_fds', own],
  ['process_cpu_seconds_total', own, true],
  ['nodejs_heap_size_used_bytes', own],
  ['nodejs_eventloop_lag_p99_seconds', own],
  ['nodejs_gc_duration_seconds_sum', `${own},kind="minor"`, true],
];

function valueAt(
  name: string,
  { at, index, counts }: { at: number; index: number; counts: boolean },
) {
  if (name.endsWith('_timestamp_seconds')) return at;
  return counts ? index * 10 : (index % 5) + 1;
}

beforeAll(async () => {
  victoria = await startVictoria();
  api = await startPrometheusApi({
    victoriaUrl: victoria.url,
    metadata: { a: [{ metric: 'cpu_utilization', type: 'gauge', help: 'CPU in use.', unit: '%' }] },
  });
  const lines: string[] = [];
  for (const [name, labels = '', counts = false] of written) {
    for (let index = 0; index <= 40; index++) {
      const at = now - (40 - index) * 15;
      const value = valueAt(name, { at, index, counts });
      const all = ['host_id="h1"', 'instance="gw1"', labels].filter(Boolean).join(',');
      lines.push(`${name}{${all}} ${value} ${at * 1000}`);
    }
  }
  await fetch(`${victoria.url}/api/v1/import/prometheus?extra_label=tenant=a`, {
    method: 'POST',
    body: lines.join('\n'),
  });
  await until('the fleet can be read', async () => {
    await fetch(`${victoria.url}/internal/force_flush`);
    const { body } = await post('/api/v1/query', { query: 'count({__name__!=""})' });
    return body.data?.result[0]?.value[1] === String(written.length);
  });
}, 60_000);

afterAll(async () => {
  await api.stop();
  await victoria.stop();
});

interface Got {
  status: number;
  body: any;
}

async function got(answer: Response): Promise<Got> {
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

async function post(path: string, form: Record<string, string>): Promise<Got> {
  const body = new URLSearchParams(form);
  return got(await fetch(api.url + path, { method: 'POST', headers: asTenant('a'), body }));
}

async function get(path: string): Promise<Got> {
  return got(await fetch(api.url + path, { headers: asTenant('a') }));
}

/** What Grafana puts in place of its variables. */
function filled(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$host', 'h1')
    .replaceAll('$instance', '.+')
    .replaceAll('$mountpoint', '.+');
}

const files = await readdir(dashboards);
const all = await Promise.all(
  files.map(async (file) => ({
    file,
    dashboard: JSON.parse(await readFile(join(dashboards, file), 'utf8')),
  })),
);
const panels = all.flatMap(({ file, dashboard }) =>
  dashboard.panels.flatMap((panel: any) =>
    panel.targets.map((target: any) => ({ file, title: panel.title, target })),
  ),
);
const variables = all.flatMap(({ file, dashboard }) =>
  dashboard.templating.list.map((variable: any) => ({ file, query: variable.query.query })),
);

describe('the dashboards', () => {
  it('are four, with panels and variables', () => {
    expect(files.sort()).toEqual(['agents.json', 'fleet.json', 'gaugeway.json', 'host.json']);
    expect(panels.length).toBeGreaterThan(30);
    expect(variables.length).toBeGreaterThan(3);
  });

  it.each(panels)('$file: "$title" finds data', async ({ target }) => {
    const query = filled(target.expr);
    const { status, body } = target.instant
      ? await post('/api/v1/query', { query, time: String(now) })
      : await post('/api/v1/query_range', {
          query,
          start: String(now - 300),
          end: String(now),
          step: '15',
        });
    expect({ status, error: body.error }).toEqual({ status: 200, error: undefined });
    expect(body.data.result.length).toBeGreaterThan(0);
    if (!target.instant) expect(body.data.result[0].values.length).toBeGreaterThan(10);
  });

  it.each(variables)('$file: the variable $query has values', async ({ query }) => {
    const [, selector = '', label = ''] = /^label_values\((.*), *(\w+)\)$/.exec(query) ?? [];
    const match = new URLSearchParams({ 'match[]': filled(selector) });
    const { status, body } = await get(`/api/v1/label/${label}/values?${match.toString()}`);
    expect(status).toBe(200);
    expect(body.data.length).toBeGreaterThan(0);
  });
});

describe("Grafana's own calls", () => {
  it('"Save & test" works: 1+1 at the fourth second of 1970', async () => {
    const { status, body } = await post('/api/v1/query', { query: '1+1', time: '4' });
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'success', data: { resultType: 'scalar', result: [4, '2'] } });
  });

  it('takes the build info for a Prometheus of at least 2.24 and neither for Mimir nor for Thanos', async () => {
    const { body } = await get('/api/v1/status/buildinfo');
    expect(Number(body.data.version.split('.')[1])).toBeGreaterThanOrEqual(24);
    expect(body.data).not.toHaveProperty('features');
    expect(body.data.application).toMatch(/^gaugeway /);
    expect((await get('/api/v1/status/flags')).status).toBe(404);
    expect((await get('/api/v1/rules/test/test')).status).toBe(404);
  });

  it('asks for exemplars in milliseconds and gets none', async () => {
    const times = { start: String(now * 1000 - 3_600_000), end: String(now * 1000) };
    const { status, body } = await post('/api/v1/query_exemplars', { query: 'test', ...times });
    expect({ status, body }).toEqual({ status: 200, body: { status: 'success', data: [] } });
  });

  it('posts to label values, gets 405 and repeats as GET', async () => {
    expect((await post('/api/v1/label/host_id/values', {})).status).toBe(405);
    expect((await get('/api/v1/label/host_id/values')).body.data).toEqual(['h1']);
    expect((await get('/api/v1/label/U__host__id/values')).body.data).toEqual(['h1']);
    expect((await get('/api/v1/label/U__no_2e_such/values')).body.data).toEqual([]);
  });

  it('builds queries from labels, series and metadata with its own limits', async () => {
    const range = { start: String(now - 3600), end: String(now), limit: '40000' };
    const labels = await post('/api/v1/labels', { ...range, 'match[]': 'cpu_utilization' });
    expect(labels.body).toEqual({ status: 'success', data: ['__name__', 'host_id', 'instance'] });
    const series = await post('/api/v1/series', { ...range, 'match[]': '{__name__!=""}' });
    expect(series.body.data).toHaveLength(written.length);
    expect((await get('/api/v1/metadata?limit=10')).body.data).toEqual({
      cpu_utilization: [{ type: 'gauge', help: 'CPU in use.', unit: '%' }],
    });
  });

  it('is told when a list was cut', async () => {
    const { body } = await get('/api/v1/label/__name__/values?limit=3');
    expect(body.data).toHaveLength(3);
    expect(body.warnings).toEqual(['results truncated due to limit']);
    const series = await get('/api/v1/series?match[]={__name__!=""}&limit=3');
    expect(series.body.data).toHaveLength(3);
    expect(series.body.warnings).toEqual(['results truncated due to limit']);
  });

  it('finds rules and alerts, empty', async () => {
    expect((await get('/api/v1/rules?type=alert')).body.data).toEqual({ groups: [] });
    expect((await get('/prometheus/api/v1/alerts')).body.data).toEqual({ alerts: [] });
  });

  it('federates with an instance label on every sample', async () => {
    const { body } = await get('/federate?match[]=cpu_load1&match[]=mem_used_mb&match[]=cpu_load1');
    const lines = (body as string).trim().split('\n');
    expect(lines.map((line) => line.replace(/ \S+ \d+$/, ''))).toEqual([
      '# TYPE cpu_load1 untyped',
      'cpu_load1{host_id="h1",instance="gw1"}',
      '# TYPE mem_used_mb untyped',
      'mem_used_mb{host_id="h1",instance="gw1"}',
    ]);
  });
});

describe('promtool', () => {
  // Debian's promtool has no --http.config.file yet; credentials in the URL become Basic authentication.
  const server = (): string => api.url.replace('//', '//any:a@');
  const promtool = async (...args: string[]): Promise<string> =>
    (await run('promtool', ['query', ...args])).stdout;

  it('asks an instant query', async () => {
    expect(
      await promtool('instant', `--time=${now}`, server(), 'count(cpu_utilization)'),
    ).toContain('=> 1 @');
  });

  it('asks a range query', async () => {
    const range = [`--start=${now - 60}`, `--end=${now}`, '--step=15s'];
    expect(await promtool('range', ...range, server(), 'cpu_load1')).toContain('host_id="h1"');
  });

  it('lists series and label values over ten thousand hours to both sides', async () => {
    const series = ['--match=cpu_load1', `--start=${now - 36e6}`, `--end=${now + 36e6}`, server()];
    expect(await promtool('series', ...series)).toContain('cpu_load1');
    expect(await promtool('labels', server(), 'host_id')).toContain('h1');
  });
});
