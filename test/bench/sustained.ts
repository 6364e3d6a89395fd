import { createVictoriaClient } from '../../src/storage/victoria/client.ts';
import { Bodies, Poster, seriesLabels } from './load.ts';
import {
  cpuSeconds,
  percentile,
  rssMib,
  Stage,
  startProduct,
  startStorage,
  until,
} from '../support/stage.ts';
import { print, type Table } from './report.ts';

const perRequest = 2_000;
const connections = 8;

/** gateway + VictoriaMetrics on this machine at a given rate: nothing lost, memory flat. */
export async function benchSustained(options: {
  seconds: number;
  samplesPerSecond: number;
}): Promise<Table> {
  const stage = new Stage();
  try {
    const table = await run(stage, options);
    print(table);
    return table;
  } finally {
    await stage.end();
  }
}

async function run(
  stage: Stage,
  { seconds, samplesPerSecond }: { seconds: number; samplesPerSecond: number },
): Promise<Table> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage);
  const source = new Bodies(seriesLabels(30_000), perRequest);
  const poster = new Poster(`${product.url}/api/v1/write`, product.writeKey, connections);
  const startMs = Date.now() - 3_600_000;
  const storagePid = storage.pid() ?? 0;
  const before = { gateway: cpuSeconds(product.pid), storage: cpuSeconds(storagePid) };
  const memory: number[] = [];
  const began = performance.now();
  let posted = 0;
  let requests = 0;
  const elapsed = () => (performance.now() - began) / 1000;
  const worker = async (): Promise<void> => {
    while (elapsed() < seconds) {
      const ahead = posted / samplesPerSecond - elapsed();
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, Math.ceil(ahead * 1000)));
      const { body, samples } = source.make(startMs + Math.floor(requests / source.perCycle) * 100);
      requests += 1;
      posted += samples;
      const status = await poster.post(body);
      if (status !== 204) posted -= samples;
    }
  };
  const sampler = setInterval(() => memory.push(rssMib(product.pid)), 1_000);
  await Promise.all(Array.from({ length: connections }, worker));
  const wall = elapsed();
  clearInterval(sampler);
  const used = {
    gateway: cpuSeconds(product.pid) - before.gateway,
    storage: cpuSeconds(storagePid) - before.storage,
  };
  const client = createVictoriaClient(storage.target);
  stage.onEnd(() => client.close());
  const stored = async (): Promise<number> => {
    const query = new URLSearchParams({
      query: `sum(count_over_time(node_cpu_seconds_total[2h]))`,
      time: String(Date.now() / 1000),
      nocache: '1',
    });
    const answer = await client.request({
      method: 'GET',
      path: '/api/v1/query',
      query,
      timeoutMs: 60_000,
    });
    const parsed = JSON.parse(answer.body.toString()) as {
      data: { result: { value: [number, string] }[] };
    };
    return Number(parsed.data.result[0]?.value[1] ?? 0);
  };
  let found = 0;
  await until('everything is stored', async () => (found = await stored()) >= posted, 60_000).catch(
    () => undefined,
  );
  poster.close();
  const third = Math.floor(memory.length / 3);
  const mean = (values: number[]) =>
    values.reduce((sum, one) => sum + one, 0) / Math.max(1, values.length);
  return {
    title: `gateway + VictoriaMetrics on one machine, ${String(seconds)} s, journal on, asked for ${String(samplesPerSecond)} samples/s`,
    columns: ['figure', 'value'],
    rows: [
      ['samples/s acknowledged', Math.round(posted / wall).toString()],
      ['samples acknowledged', String(posted)],
      ['samples found in storage', String(found)],
      ['answers', JSON.stringify(Object.fromEntries(poster.statuses))],
      [
        'acknowledgement p50 / p99, ms',
        `${percentile(poster.latenciesMs, 50).toFixed(1)} / ${percentile(poster.latenciesMs, 99).toFixed(1)}`,
      ],
      ['gateway CPU-s per million', ((used.gateway / posted) * 1e6).toFixed(3)],
      ['VictoriaMetrics CPU-s per million', ((used.storage / posted) * 1e6).toFixed(3)],
      [
        'gateway RSS MiB: first third, last third, most',
        `${mean(memory.slice(0, third)).toFixed(0)}, ${mean(memory.slice(-third)).toFixed(0)}, ${Math.max(...memory).toFixed(0)}`,
      ],
    ],
  };
}
