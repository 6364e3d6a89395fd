import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startVictoria, until, type Peer } from '../support/peers.ts';
import { asTenant, startPrometheusApi, type PrometheusApi } from '../support/prometheus-api.ts';

/** Stands in every name, value, help text and exemplar of tenant b, and nowhere else. */
const canary = 'c4n4ry';

let victoria: Peer;
let api: PrometheusApi;
/** Every request that reached storage: its arguments. */
const sent: URLSearchParams[] = [];

async function seriesCount(): Promise<string> {
  return await (await fetch(`${victoria.url}/api/v1/series/count`)).text();
}

beforeAll(async () => {
  victoria = await startVictoria();
  api = await startPrometheusApi({
    victoriaUrl: victoria.url,
    metadata: {
      b: [{ metric: `${canary}_total`, type: 'counter', help: canary, unit: canary }],
    },
    exemplars: {
      b: [
        {
          labels: { __name__: canary },
          exemplars: [{ labels: { trace: canary }, value: 1, timestampMs: 1 }],
        },
      ],
    },
    wrapReader: (reader) => ({
      read: (read, args, options) => {
        sent.push(args);
        return reader.read(read, args, options);
      },
    }),
  });
  const write = async (tenant: string, text: string): Promise<void> => {
    await fetch(`${victoria.url}/api/v1/import/prometheus?extra_label=tenant=${tenant}`, {
      method: 'POST',
      body: text,
    });
  };
  await write('a', 'up{job="mine",host_id="h1"} 1\nshared{x="a"} 1\n');
  await write(
    'b',
    `up{job="${canary}",${canary}="x"} 1\nshared{x="${canary}"} 2\n${canary}_total 3\n`,
  );
  await until('both tenants can be read', async () => {
    await fetch(`${victoria.url}/internal/force_flush`);
    const answer = await fetch(`${victoria.url}/api/v1/query?query=count(up)&nocache=1`);
    return (await answer.text()).includes('"2"');
  });
}, 60_000);

afterAll(async () => {
  await api.stop();
  await victoria.stop();
});

interface Try {
  path: string;
  form?: string;
}

const escape = (text: string): string => encodeURIComponent(text);
const filters = [
  'extra_label=tenant=b',
  'extra_label=tenant%3Db&extra_label=tenant%3Da',
  'extra_label=tenant=',
  `extra_filters=${escape('{tenant="b"}')}`,
  `extra_filters[]=${escape('{tenant="b"}')}`,
  `extra_filters%5B%5D=${escape('{tenant="b"}')}&extra_filters[]=${escape('{tenant="a"}')}`,
  `extra_filters[]=${escape('{tenant=~".*"}')}`,
  `extra_filters[0]=${escape('{tenant="b"}')}`,
  `EXTRA_LABEL=tenant=b`,
  'trace=1',
  'nocache=1&max_lookback=100y&latency_offset=-1y&round_digits=1&denyPartialResponse=0',
  'tenant=b',
  'accountID=1&projectID=2',
];
const queries = [
  'up',
  '{__name__=~".+"}',
  'up{tenant="b"}',
  'up{tenant=~"a|b"}',
  'up{"tenant"="b"}',
  'up{tenant!="a"}',
  '{tenant="a",__name__="up" or tenant="b"}',
  '{__name__="up" or __name__=~".*"}',
  'up or up{job!="mine"}',
  'up or {tenant="b"}',
  'up or ignoring(tenant) shared',
  'sum by (tenant) (up)',
  'count without (tenant) (up)',
  'up * on(tenant) group_left() up',
  'label_replace(up, "x", "$1", "tenant", "(.*)")',
  'label_replace(up, "tenant", "b", "", "")',
  'label_join(up, "x", ",", "tenant")',
  'label_join(up, ("tenant"), ",", "job")',
  'count_values("tenant", up)',
  'sort_by_label(up, "tenant")',
  'label_set(up, "tenant", "b")',
  'WITH (t = {tenant="b"}) up{t}',
  'WITH (x = up{tenant="b"}) x',
  '{__graphite__="*"}',
  '{__name__="up",vm_account_id="0"}',
  'up @ end() or shared offset 1s',
  'max_over_time(shared[5m])',
  'shared[5m]',
  'max_over_time((shared or up)[5m:30s])',
  'absent(nothing{tenant="b"})',
  'union(up, shared)',
  'topk(100, {job=~".*"})',
  '{job!=""}',
  'quantile(0.5, shared)',
  'up # {tenant="b"}',
  'up"} or {tenant="b',
  'up\n&extra_filters[]={tenant="b"}',
  'up&extra_filters[]={tenant="b"}',
];
const now = Math.floor(Date.now() / 1000);
const times = `start=${now - 60}&end=${now + 60}&step=15`;
const selector = escape('{__name__=~".+"}');

const tries: Try[] = [
  ...queries.map((query) => ({ path: `/api/v1/query?query=${escape(query)}` })),
  ...queries.map((query) => ({
    path: '/prometheus/api/v1/query_range',
    form: `query=${escape(query)}&${times}`,
  })),
  ...queries.map((query) => ({ path: `/api/v1/series?match[]=${escape(query)}` })),
  ...queries.map((query) => ({ path: `/federate?match[]=${escape(query)}` })),
  ...filters.flatMap((filter) => [
    { path: `/api/v1/query?query=${selector}&${filter}` },
    { path: '/api/v1/query', form: `query=${selector}&${filter}` },
    { path: `/api/v1/query?${filter}`, form: `query=${selector}` },
    { path: `/api/v1/query_range?query=up&${times}&${filter}` },
    { path: '/prometheus/api/v1/query_range', form: `query=${selector}&${times}&${filter}` },
    { path: `/api/v1/query_range?${filter}`, form: `query=${selector}&${times}` },
    { path: `/prometheus/api/v1/series?match[]=${selector}&${filter}` },
    { path: `/prometheus/api/v1/label/job/values?match[]=${selector}&${filter}` },
    { path: `/api/v1/query_exemplars?query=${canary}&${filter}` },
    { path: `/api/v1/metadata?${filter}` },
    { path: `/api/v1/series?match[]=${selector}&${filter}` },
    { path: '/api/v1/series', form: `match[]=${selector}&${filter}` },
    { path: `/api/v1/labels?${filter}` },
    { path: '/api/v1/labels', form: filter },
    { path: `/api/v1/label/job/values?${filter}` },
    { path: `/api/v1/label/__name__/values?${filter}` },
    { path: `/federate?match[]=${selector}&${filter}` },
    { path: `/api/v1/status/tsdb?topN=100&focusLabel=job&match[]=${selector}&${filter}` },
  ]),
  { path: '/api/v1/query?query=up&query=shared' },
  { path: '/api/v1/query?query=up', form: 'query=shared' },
  { path: '/api/v1/label/tenant/values' },
  { path: '/api/v1/label/U__tenant/values' },
  { path: '/api/v1/label/U___74_enant/values' },
  { path: '/api/v1/metadata' },
  { path: `/api/v1/metadata?metric=${canary}_total` },
  { path: `/api/v1/query_exemplars?query=${canary}` },
  { path: '/api/v1/rules' },
  { path: '/api/v1/alerts' },
  { path: '/api/v1/targets' },
];

const neverServed = [
  '/api/v1/series/count',
  '/api/v1/status/metric_names_stats',
  '/api/v1/status/top_queries',
  '/api/v1/status/active_queries',
  '/api/v1/status/flags',
  '/api/v1/status/config',
  '/api/v1/export',
  '/api/v1/export/csv',
  '/api/v1/import/prometheus',
  '/api/v1/admin/tsdb/delete_series?match[]=up',
  '/api/v1/admin/tsdb/snapshot',
  '/metrics/find?query=*',
  '/metrics/index.json',
  '/tags/tagSeries?path=x',
  '/snapshot/create',
  '/internal/force_flush',
  '/vmui/',
  '/flags',
  '/config',
  '/debug/pprof/cmdline',
  '//api//v1//series/count',
  '/api/v1/query/../series/count',
  '/api/v1/rules/test/test',
  '/select/0/prometheus/api/v1/query?query=up',
  '/prometheus/prometheus/api/v1/query?query=up',
];

const labelPaths = [
  '..',
  '.',
  '...',
  '%2e%2e',
  '..%2F',
  '..%2f..%2fseries%2fcount',
  '%2e%2e%2f',
  '..%5C',
  '%2F',
  '%252e%252e%252f',
  'x%2F..%2F..%2Fseries%2Fcount',
  'x%3Fy',
  'x%23y',
  '%00',
  'x%00y',
  'x%3By',
  'x%20y',
  'x%0Ay',
  'x%26y',
  'x%3Dy',
  'a-b',
  '1a',
  'a.b',
  'a%2Fb',
  '%C3%A9',
  '%ff',
  'x%22',
  'x%27',
  'x%7B%7D',
  '..;/x',
  'x%5C..',
  'U__',
  'U___2f_',
  'U___2e__2e__2f_',
  'U__..%2F',
  'U___0_',
  'U___d800_',
  'U___110000_',
  'U___',
  'U__x_',
  '*',
  'job%2Fvalues',
  'job%3F',
  '-',
  '~',
  '%2B',
  '%25',
];

interface Got {
  status: number;
  text: string;
}

/** node:http sends the path as it stands; fetch would resolve `..` before it leaves. */
function ask(path: string, form?: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...asTenant('a'),
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    };
    const { port } = new URL(api.url);
    const outgoing = request(
      { host: '127.0.0.1', port, path, method: form === undefined ? 'GET' : 'POST', headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(form);
  });
}

describe('a tenant that tries to read another one', () => {
  it('would find the canary if the tenant were not enforced', async () => {
    const answer = await fetch(`${victoria.url}/api/v1/series?match[]=${selector}&start=0`);
    expect(await answer.text()).toContain(canary);
    const own = await ask('/api/v1/query?query=up');
    expect(own.text).toContain('"mine"');
  });

  it.each(tries)('gets nothing by $path $form', async ({ path, form }) => {
    const { status, text } = await ask(path, form);
    // An error may repeat the question; only what was asked for may stand there.
    const answer = path.includes(canary) && status >= 400 ? '' : text;
    expect(answer).not.toContain(canary);
    if (status === 200) expect(text).not.toMatch(/"tenant"|tenant=\\?"/);
    expect(status).toBeLessThan(500);
  });

  it('sends storage one extra_label, no filter and nothing of its own making', async () => {
    sent.length = 0;
    for (const filter of filters) {
      await ask(
        `/api/v1/query?query=shared{n="${sent.length}"}&${filter}`.replace(/[{}"]/g, escape),
      );
      await ask('/api/v1/series', `match[]=shared&start=${now - 100 - sent.length}&${filter}`);
    }
    expect(sent.length).toBeGreaterThan(filters.length);
    for (const args of sent) {
      expect(args.getAll('extra_label')).toEqual(['tenant=a']);
      const allowed = [
        'query',
        'time',
        'start',
        'end',
        'timeout',
        'nocache',
        'latency_offset',
        'match[]',
        'extra_label',
      ];
      expect([...new Set(args.keys())].filter((key) => !allowed.includes(key))).toEqual([]);
      expect(args.get('latency_offset') ?? '1ms').toBe('1ms');
    }
  });

  it.each(neverServed)('finds no %s', async (path) => {
    expect((await ask(path)).status).toBe(404);
    expect((await ask(path, 'a=b')).status).toBe(404);
  });

  it('without a principal gets no answer', async () => {
    for (const path of ['/api/v1/query?query=up', '/api/v1/labels', '/federate?match[]=up']) {
      const answer = await fetch(api.url + path);
      expect(answer.ok).toBe(false);
      expect(await answer.text()).not.toContain('mine');
    }
  });

  it.each(labelPaths)('finds no way out of the path by the label name %s', async (name) => {
    const before = await seriesCount();
    const { status, text } = await ask(`/api/v1/label/${name}/values`);
    // A well-formed escaped name is a label nobody has: an empty list. All else is refused.
    if (status === 200) expect(text).toBe('{"status":"success","data":[]}');
    else expect([400, 404]).toContain(status);
    expect(await seriesCount()).toBe(before);
  });
});
