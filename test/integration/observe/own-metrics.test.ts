import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../support/scraped.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../../support/stage.ts';

const own = { GAUGEWAY_OBSERVE_OWN: 'true', GAUGEWAY_OBSERVE_INTERVAL: '1s' };
const stage = new Stage();
let storage: Awaited<ReturnType<typeof startStorage>>;
let product: Product;

beforeAll(async () => {
  storage = await startStorage(stage);
  product = await startProduct(stage, storage, own);
}, 120_000);
afterAll(() => stage.end());

async function rows(server: Product, query: string): Promise<Record<string, string>[]> {
  const { result } = await ask(server, '/api/v1/query', { query });
  return result.map(({ metric }) => metric);
}

const appears = (server: Product, query: string) =>
  until(`${query} has rows`, async () => (await rows(server, query)).length > 0);

/** What VictoriaMetrics itself says, whatever the gateway does. */
async function stored(query: string): Promise<number> {
  const { baseUrl, username = '', password = '' } = storage.target;
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  const url = `${baseUrl}/api/v1/query?${new URLSearchParams({ query, nocache: '1' }).toString()}`;
  const answer = await fetch(url, { headers: { authorization: `Basic ${basic}` } });
  const { data } = (await answer.json()) as { data: { result: unknown[] } };
  return data.result.length;
}

describe("a process's own metrics", () => {
  it('can be asked with PromQL, by job, instance and role', async () => {
    await appears(product, 'up{job="gaugeway"}');
    const [row] = await rows(product, 'up{job="gaugeway"}');
    expect(row).toMatchObject({ role: 'all' });
    expect(row?.['instance']).toMatch(new RegExp(`:${new URL(product.url).port}$`));
  });

  it.each([
    'ingest_requests_total',
    'ingest_errors_total',
    'api_requests_total{endpoint="/api/v1/auth/login",status="200"}',
    'api_latency_seconds_bucket',
    'alert_evaluations_total',
    'alert_notifications_sent_total',
    'db_query_duration_seconds_count',
    'process_resident_memory_bytes',
    'process_open_fds',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_gc_duration_seconds_count',
    'gaugeway_postgres_pool_connections',
    'gaugeway_forward_journal_bytes',
    'gaugeway_query_cache_requests_total{result="miss"}',
    'gaugeway_build_info{version=~".+"}',
  ])('hold %s', (name) => appears(product, name));

  it('are told what they mean', async () => {
    type Meaning = Record<string, { type: string; help: string }[]>;
    const meaning = () =>
      ask<Meaning>(product, '/api/v1/metadata', { metric: 'api_requests_total' });
    await until('it is described', async () => 'api_requests_total' in (await meaning()));
    expect((await meaning())['api_requests_total']?.[0]).toMatchObject({ type: 'counter' });
  });

  it('are nobody’s samples: no tenant is charged, nothing is refused', async () => {
    expect(await rows(product, 'ingest_datapoints_total > 0')).toEqual([]);
    expect(await rows(product, 'sum(ingest_requests_total) > 0')).toEqual([]);
    expect(await rows(product, 'gaugeway_ingest_active_series > 0')).toEqual([]);
    expect(await rows(product, 'gaugeway_observe_samples_total{outcome="failed"} > 0')).toEqual([]);
  });

  it('of a process without the role gateway go straight to storage', async () => {
    const reader = await startProduct(stage, storage, { ...own, GAUGEWAY_ROLES: 'api,worker' });
    await appears(reader, 'up{role="api,worker"}');
    expect(await rows(reader, 'ingest_requests_total{role="api,worker"}')).toEqual([]);
  });

  it('end when the process ends', async () => {
    const ending = await startProduct(stage, storage, {
      ...own,
      GAUGEWAY_OBSERVE_INSTANCE: 'the-one-that-ends',
    });
    const query = 'up{instance="the-one-that-ends"}';
    await appears(ending, query);
    await ending.kill('SIGTERM');
    await until('its series are stale', async () => (await stored(query)) === 0, 30_000);
  });

  it('are not stored where that is switched off', async () => {
    const silent = await startProduct(stage, storage, {
      ...{ GAUGEWAY_OBSERVE_INSTANCE: 'the-silent-one' },
    });
    expect((await fetch(`${silent.url}/ready`)).status).toBe(200);
    expect(await stored('up{instance="the-silent-one"}')).toBe(0);
  });
});
