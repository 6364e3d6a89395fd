import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { asTenant, startPrometheusApi, type PrometheusApi } from '../../support/prometheus-api.ts';

let storage: Server | undefined;
let api: PrometheusApi | undefined;

afterEach(async () => {
  await api?.stop();
  storage?.closeAllConnections();
  storage?.close();
});

async function apiOver(answer: ((path: string) => { status: number; body: string }) | 'silent') {
  storage = createServer((req, res) => {
    if (answer === 'silent') return;
    const { status, body } = answer(req.url ?? '');
    res.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => storage?.listen(0, '127.0.0.1', resolve));
  const { port } = storage.address() as AddressInfo;
  api = await startPrometheusApi({ victoriaUrl: `http://127.0.0.1:${port}` });
  return async (path: string) => {
    const got = await fetch(`${api?.url ?? ''}${path}`, { headers: asTenant('a') });
    return {
      status: got.status,
      retryAfter: got.headers.get('retry-after'),
      body: await got.json(),
    };
  };
}

describe('when storage', () => {
  it('is away, reads say so with 503, and what needs no storage is answered', async () => {
    const ask = await apiOver(() => ({ status: 200, body: '{}' }));
    storage?.closeAllConnections();
    await new Promise((resolve) => storage?.close(resolve));
    for (const path of ['query?query=up', 'labels', 'series?match[]=up', 'label/x/values']) {
      const got = await ask(`/api/v1/${path}`);
      expect(got).toMatchObject({
        status: 503,
        retryAfter: '1',
        body: { errorType: 'unavailable', error: 'storage: VictoriaMetrics cannot be reached' },
      });
    }
    expect((await ask('/api/v1/format_query?query=up')).status).toBe(200);
    expect((await ask('/api/v1/query?query="a"')).status).toBe(200);
  });

  it('does not answer in time, the client gets 503 timeout', async () => {
    const ask = await apiOver('silent');
    expect(await ask('/api/v1/query?query=up&timeout=10ms')).toMatchObject({
      status: 503,
      body: { errorType: 'timeout', error: 'query timed out in expression evaluation' },
    });
  });

  it('refuses a query, the client gets 422 with the cause and without the arguments', async () => {
    const error =
      'error when executing query="up{tenant=\\"a\\"}" for (time=1, step=2): duplicate output timeseries';
    const ask = await apiOver(() => ({
      status: 422,
      body: JSON.stringify({ status: 'error', errorType: '422', error }),
    }));
    expect(await ask('/api/v1/query?query=up')).toMatchObject({
      status: 422,
      body: { status: 'error', errorType: 'execution', error: 'duplicate output timeseries' },
    });
  });

  it('answers with a status of its own trouble, it is 503', async () => {
    const ask = await apiOver(() => ({ status: 401, body: 'who are you' }));
    const got = await ask('/api/v1/query?query=up');
    expect(got).toMatchObject({ status: 503, body: { errorType: 'unavailable' } });
  });

  it('refuses more than a few million subquery steps, it is not even asked', async () => {
    let asked = 0;
    const ask = await apiOver(() => ({ status: 500, body: String(asked++) }));
    for (const query of [
      'max_over_time(up[30d:1ms])',
      'sum_over_time(sum_over_time(up[1d:1s])[1d:1s])',
    ]) {
      expect(await ask(`/api/v1/query?query=${query}`)).toMatchObject({
        status: 422,
        body: { errorType: 'execution' },
      });
    }
    expect((await ask('/api/v1/query_range?query=up&start=0&end=20000&step=1')).status).toBe(400);
    expect(asked).toBe(0);
  });

  it('holds samples older than the retention, a range begins later and stays on its grid', async () => {
    const paths: string[] = [];
    const ask = await apiOver((path) => {
      paths.push(path);
      return {
        status: 200,
        body: '{"status":"success","data":{"resultType":"matrix","result":[]}}',
      };
    });
    const end = Math.floor(Date.now() / 1000 / 3600) * 3600;
    await ask(`/api/v1/query_range?query=up&start=${end - 30 * 86_400}&end=${end}&step=1h`);
    const sent = new URLSearchParams(paths[0]?.split('?')[1]);
    const start = Number(sent.get('start'));
    expect((end - start) % 3600).toBe(0);
    expect(start).toBeGreaterThan(Date.now() / 1000 - 7 * 86_400 - 1);
    expect(start).toBeLessThan(Date.now() / 1000 - 7 * 86_400 + 3601);
    expect((await ask(`/api/v1/query?query=up&time=${end - 8 * 86_400}`)).body).toMatchObject({
      data: { resultType: 'vector', result: [] },
    });
    expect(paths).toHaveLength(1);
  });
});
