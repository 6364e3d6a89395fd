import { Agent, request } from 'node:http';
import { createDecodeKernel, encodeWriteRequest } from '../../src/wire/index.ts';
import { Poster } from './load.ts';
import { percentile, Stage, startProduct, startStorage, until } from '../support/stage.ts';
import { print, type Table } from './report.ts';

const points = 720;
const stepSeconds = 5;

/** One hour at 5 s of one series: through the gateway beside VictoriaMetrics itself, and answers from the cache. */
export async function benchQuery(options: { requests: number }): Promise<Table> {
  const stage = new Stage();
  try {
    const table = await run(stage, options.requests);
    print(table);
    return table;
  } finally {
    await stage.end();
  }
}

function ask(url: URL, agent: Agent, authorization: string): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const req = request(url, { agent, headers: { authorization } }, (res) => {
      res.resume();
      res.on('end', () => {
        if (res.statusCode === 200) resolve(performance.now() - startedMs);
        else reject(new Error(`answer ${String(res.statusCode)}`));
      });
    });
    req.on('error', reject);
    req.end();
  });
}

async function run(stage: Stage, requests: number): Promise<Table> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage);
  const end = Math.floor(Date.now() / 1000 / stepSeconds) * stepSeconds;
  const start = end - points * stepSeconds;
  const poster = new Poster(`${product.url}/api/v1/write`, product.writeKey, 1);
  const kernel = createDecodeKernel({
    maxDecodedBytes: 1 << 20,
    maxSeries: 10,
    maxKnownSeries: 16,
  });
  const labels = [
    ['__name__', 'node_bench_query'],
    ['host_id', 'h-1'],
  ] as const;
  const samples = Array.from({ length: points + 1 }, (_, i) => ({
    value: i % 97,
    timestampMs: (start + i * stepSeconds) * 1000,
  }));
  await poster.post(kernel.compress(encodeWriteRequest([{ labels, samples }])));
  poster.close();
  const agent = new Agent({ keepAlive: true });
  stage.onEnd(() => agent.destroy());
  const { target } = storage;
  const basic = `Basic ${Buffer.from(`${target.username ?? ''}:${target.password ?? ''}`).toString('base64')}`;
  const bearer = `Bearer ${product.readKey}`;
  const range = (base: string, shift: number, more: Record<string, string>) => {
    const url = new URL(`${base}/api/v1/query_range`);
    url.search = new URLSearchParams({
      query: 'node_bench_query',
      start: String(start + shift),
      end: String(end + shift),
      step: String(stepSeconds),
      ...more,
    }).toString();
    return url;
  };
  await until('the series can be queried', async () => {
    await ask(range(product.url, 0, {}), agent, bearer);
    const text = await (
      await fetch(range(product.url, 0, {}), { headers: { authorization: bearer } })
    ).text();
    return text.length > points * 10;
  });
  const figures = {
    direct: [] as number[],
    through: [] as number[],
    added: [] as number[],
    hit: [] as number[],
  };
  for (let i = 0; i < requests; i += 1) {
    // Another millisecond each time: no cache on either side has it.
    const direct = await ask(range(target.baseUrl, -i / 1000, { nocache: '1' }), agent, basic);
    const through = await ask(range(product.url, -i / 1000, {}), agent, bearer);
    figures.direct.push(direct);
    figures.through.push(through);
    figures.added.push(through - direct);
    figures.hit.push(await ask(range(product.url, -i / 1000, {}), agent, bearer));
  }
  const row = (name: string, values: number[]) => [
    name,
    percentile(values, 50).toFixed(2),
    percentile(values, 95).toFixed(2),
    percentile(values, 99).toFixed(2),
  ];
  return {
    title: `range query of ${String(points)} points of one series, ${String(requests)} requests, ms`,
    columns: ['', 'p50', 'p95', 'p99'],
    rows: [
      row('VictoriaMetrics itself', figures.direct),
      row('through the gateway', figures.through),
      row('difference, pair by pair', figures.added),
      row('the same question again (cache)', figures.hit),
    ],
  };
}
