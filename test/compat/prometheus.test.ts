import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { historyEnd, madeHistory, writeHistory } from '../support/history.ts';
import { startPrometheus, startVictoria, until, type Peer } from '../support/peers.ts';
import { asTenant, startPrometheusApi, type PrometheusApi } from '../support/prometheus-api.ts';

const end = historyEnd(Date.now());
const t = end / 1000;
const day = 86_400;
/** One second off the samples' grid: Prometheus 2 counts a sample on a window's left edge, Prometheus 3 and storage do not. */
const off = String(t + 1);

let victoria: Peer;
let prometheus: Peer;
let api: PrometheusApi;

beforeAll(async () => {
  [victoria, prometheus] = await Promise.all([startVictoria(), startPrometheus()]);
  api = await startPrometheusApi({ victoriaUrl: victoria.url });
  await writeHistory(`${prometheus.url}/api/v1/write`, madeHistory(end));
  await writeHistory(`${victoria.url}/api/v1/write?extra_label=tenant=a`, madeHistory(end));
  await writeHistory(`${victoria.url}/api/v1/write?extra_label=tenant=b`, madeHistory(end));
  await until('the history can be read', async () => {
    await fetch(`${victoria.url}/internal/force_flush`);
    const answer = await fetch(
      `${api.url}/api/v1/query?query=count({__name__=~".%2B"})&time=${t}`,
      {
        headers: asTenant('a'),
      },
    );
    return (await answer.text()).includes('"14"');
  });
}, 60_000);

afterAll(async () => {
  await api.stop();
  await Promise.all([victoria.stop(), prometheus.stop()]);
});

interface Asked {
  status: number;
  body: any;
}

async function ask(base: string, path: string): Promise<Asked> {
  const answer = await fetch(`${base}${path}`, { headers: asTenant('a') });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

/** Numbers to 12 digits: storage rounds the last ones (field/ingest-and-query §5.2). */
function rounded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value === 'string' && value !== '' && !Number.isNaN(Number(value))) {
    return Number(Number(value).toPrecision(12));
  }
  return value;
}

/** Errors are compared by status and type; texts differ in detail. Vectors without an order of their own as sets. */
function comparable({ status, body }: Asked, ordered: boolean): unknown {
  if (body.status === 'error') return { status, errorType: body.errorType };
  const data = body.data;
  if (!Array.isArray(data?.result)) return { status, data: rounded(data), warnings: body.warnings };
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    return { status, type: data.resultType, result: rounded(data.result) };
  }
  const result = data.result.map((one: any) => ({
    metric: JSON.stringify(one.metric),
    points: rounded(one.value ?? one.values),
  }));
  if (!ordered) result.sort((a: any, b: any) => (a.metric < b.metric ? -1 : 1));
  return { status, type: data.resultType, result };
}

const q = (query: string, time = String(t)): string =>
  `/api/v1/query?query=${encodeURIComponent(query)}&time=${time}`;
const range = (query: string, step = '30', from = t - 1200, to = t): string =>
  `/api/v1/query_range?query=${encodeURIComponent(query)}&start=${from}&end=${to}&step=${step}`;

const same: string[] = [
  q('1+1'),
  q('1+1', '4'),
  q('0/0'),
  q('1/0'),
  q('"a"'),
  q('time()'),
  q('pi()'),
  q('vector(3)'),
  q('up'),
  q('up == 0'),
  q('up{host_id!="h1"}'),
  q('up{host_id=~"h[12]"}'),
  q('{__name__=~"up|alone"}'),
  q('nothing'),
  q('up[1m]', off),
  q('up[1m] offset 2m', off),
  q('load[2m:30s]'),
  q('quoted'),
  q('sum(load)'),
  q('sum by (zone) (load)'),
  q('sum without (host_id) (load)'),
  q('avg by (zone) (load)'),
  q('count(load) by (zone)'),
  q('min(load)'),
  q('max(load)'),
  q('stddev(load)'),
  q('quantile(0.5, load)'),
  q('topk(2, load)'),
  q('bottomk(1, load)'),
  q('count_values("v", up)'),
  q('group(load)'),
  q('sort(load)'),
  q('sort_desc(load)'),
  q('load * 2'),
  q('-load'),
  q('load ^ 2'),
  q('load % 3'),
  q('load > 1'),
  q('load > bool 1'),
  q('load - on(host_id) group_left() up'),
  q('load * ignoring(zone, job) up'),
  q('up and on(host_id) load'),
  q('up unless on(host_id) load{zone="a"}'),
  q('up or load'),
  q('alone + sum(up)'),
  q('alone + vector(1)'),
  q('abs(-load)'),
  q('ceil(load / 2)'),
  q('clamp(load, 1, 2)'),
  q('round(load / 3, 0.5)'),
  q('scalar(alone)'),
  q('absent(nothing{a="b"})'),
  q('absent(up)'),
  q('label_replace(up, "x", "$1", "host_id", "h(.)")'),
  q('label_join(up, "x", "-", "job", "host_id")'),
  q('max_over_time(load[5m])'),
  q('avg_over_time(load[5m])', off),
  q('sum_over_time(load[150s])', off),
  q('count_over_time(load[5m])', off),
  q('quantile_over_time(0.5, load[5m])'),
  q('last_over_time(load[5m])'),
  q('changes(up[5m])'),
  q('resets(requests_total[5m])'),
  q('deriv(alone[5m])'),
  q('max_over_time(sum(load)[5m:1m])', off),
  q('timestamp(up)'),
  q('up @ ' + String(t - 60)),
  q('load offset 5m'),
  q('load offset -1m', String(t - 120)),
  q('hour()'),
  q('histogram_quantile(0.9, latency_bucket)'),
  q('rate(requests_total[5m])'),
  q('increase(requests_total[5m])'),
  q('irate(requests_total[1m])'),
  q('load', String(t + 240)),
  q('load', String(t + 301)),
  q('load', String(t - 7 * day + 3600)),
  range('load'),
  range('load', '17'),
  range('sum(load)', '1m'),
  range('load', '15', t - 100, t + 100),
  range('rate(requests_total[5m])'),
  range('1+1'),
  range('time()', '60'),
  range('load > 3'),
  range('nothing'),
  range('"a"'),
  range('up[1m]'),
  range('load', '1', t, t - 60),
  range('load', '0'),
  range('load', '-1'),
  range('load', 'abc'),
  range('load', '1', t - 11_001, t),
  range('load', '1', t - 11_000, t),
  range('load', '600', t - 1200, t),
  '/api/v1/query',
  '/api/v1/query?query=',
  '/api/v1/query?query=up%7B',
  '/api/v1/query?query=foo(up)',
  '/api/v1/query?query=rate(up)',
  '/api/v1/query?query=up%7Ba%3D~%22(%22%7D',
  '/api/v1/query?query=up&time=abc',
  '/api/v1/query?query=up&timeout=abc',
  `/api/v1/query?query=up&time=${encodeURIComponent(new Date(end).toISOString())}`,
  `/api/v1/query_range?query=up&start=${t}&step=1`,
  '/api/v1/labels',
  '/api/v1/labels?match[]=up',
  '/api/v1/labels?start=abc',
  '/api/v1/labels?match[]=up%7B',
  '/api/v1/label/host_id/values',
  '/api/v1/label/__name__/values',
  '/api/v1/label/job/values?match[]=up%7Bhost_id=%22h1%22%7D',
  '/api/v1/label/nothing/values',
  '/api/v1/label/a-b/values',
  '/api/v1/series?match[]=up',
  '/api/v1/series?match[]=up&match[]=alone',
  '/api/v1/series',
  '/api/v1/series?match[]=sum(up)',
  '/api/v1/query_exemplars?query=test&start=1795388961000&end=1795388962000',
  '/api/v1/metadata',
  '/api/v1/rules',
  '/api/v1/alerts',
  '/api/v1/alertmanagers',
  `/api/v1/format_query?query=${encodeURIComponent('sum(rate(a[5m]))by(b)/on(c)group_left d')}`,
  `/api/v1/format_query?query=${encodeURIComponent(`sum by (a) (rate(${'x'.repeat(60)}{a="b",c="d"}[5m] offset 1h)) / on (a) group_left () topk(5, ${'y'.repeat(60)}) or -up`)}`,
  `/api/v1/format_query?query=${encodeURIComponent(`max_over_time(label_replace(${'z'.repeat(90)}, "a", "b", "c", "d")[1h:5m])`)}`,
  '/api/v1/format_query?query=(',
];

/** Calls whose answers differ, and why that stays. */
const different: [string, string][] = [
  [
    q('up[1m]'),
    'Prometheus 2 counts the sample on the left edge of a window, Prometheus 3 does not',
  ],
];

describe('the same question to Prometheus and to us', () => {
  it.each(same)('%s', async (path) => {
    const ordered = /topk|bottomk|sort|query_range/.test(path);
    const [theirs, ours] = await Promise.all([ask(prometheus.url, path), ask(api.url, path)]);
    expect(comparable(ours, ordered)).toEqual(comparable(theirs, ordered));
  });

  it.each(different)('%s differs: %s', async (path) => {
    const [theirs, ours] = await Promise.all([ask(prometheus.url, path), ask(api.url, path)]);
    expect(ours.status).toBe(theirs.status);
    expect(comparable(ours, false)).not.toEqual(comparable(theirs, false));
  });
});
