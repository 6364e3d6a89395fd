import { encodeWriteRequest, createDecodeKernel } from '../../src/wire/index.ts';
import { Bodies, Poster, seriesLabels } from './load.ts';
import { cpuSeconds, percentile, Stage, startProduct, startStorage } from '../support/stage.ts';
import { print, type Table } from './report.ts';

const hosts = 500;
const perHost = 167;
const intervalMs = 5_000;

/** The PRP's rate, 500 hosts × 167 series every 5 s: time to the acknowledgement, and to being visible in PromQL. */
export async function benchLatency(options: {
  seconds: number;
  flushIntervals: string[];
}): Promise<Table> {
  const rows: string[][] = [];
  for (const flush of options.flushIntervals) {
    const stage = new Stage();
    try {
      rows.push(await measure(stage, flush, options.seconds));
    } finally {
      await stage.end();
    }
  }
  const table = {
    title: `${String(hosts)} hosts × ${String(perHost)} series every 5 s (16,700 samples/s), journal on (fsync group)`,
    columns: [
      'flush interval',
      'ack p50 ms',
      'ack p99 ms',
      'visible p50 s',
      'visible p95 s',
      'visible max s',
      'gateway cores',
      'VictoriaMetrics cores',
      'errors',
    ],
    rows,
    notes: [
      'Visible: from the post to the value in the answer of an instant query through the gateway, without `time`, its cache on, asked every 25 ms.',
    ],
  };
  print(table);
  return table;
}

async function measure(stage: Stage, flush: string, seconds: number): Promise<string[]> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage, { GAUGEWAY_FORWARD_FLUSH_INTERVAL: flush });
  const storagePid = storage.pid() ?? 0;
  const source = new Bodies(seriesLabels(hosts * perHost, perHost), perHost);
  const poster = new Poster(`${product.url}/api/v1/write`, product.writeKey, 64);
  const gapMs = intervalMs / hosts;
  const began = performance.now();
  const before = { gateway: cpuSeconds(product.pid), storage: cpuSeconds(storagePid) };
  const posting: Promise<number>[] = [];
  const visible: number[] = [];
  const probing = probe(
    product.url,
    product.writeKey,
    product.readKey,
    visible,
    () => performance.now() - began > seconds * 1000,
  );
  for (let n = 0; performance.now() - began < seconds * 1000; n += 1) {
    const wait = began + n * gapMs - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    posting.push(poster.post(source.make(Date.now()).body));
  }
  await Promise.all(posting);
  await probing;
  const wall = (performance.now() - began) / 1000;
  poster.close();
  const errors = [...poster.statuses]
    .filter(([status]) => status !== 204)
    .reduce((sum, [, count]) => sum + count, 0);
  // The first round of posts teaches the gateway 83,500 new series.
  const steady = poster.latenciesMs.slice(hosts);
  return [
    flush,
    percentile(steady, 50).toFixed(2),
    percentile(steady, 99).toFixed(2),
    (percentile(visible, 50) / 1000).toFixed(2),
    (percentile(visible, 95) / 1000).toFixed(2),
    (Math.max(...visible) / 1000).toFixed(2),
    ((cpuSeconds(product.pid) - before.gateway) / wall).toFixed(3),
    ((cpuSeconds(storagePid) - before.storage) / wall).toFixed(3),
    String(errors),
  ];
}

/** Posts a counter and asks until it is there, over and over. */
async function probe(
  url: string,
  writeKey: string,
  readKey: string,
  visible: number[],
  isOver: () => boolean,
): Promise<void> {
  const kernel = createDecodeKernel({
    maxDecodedBytes: 1 << 20,
    maxSeries: 10,
    maxKnownSeries: 16,
  });
  const poster = new Poster(`${url}/api/v1/write`, writeKey, 1);
  for (let value = 1; !isOver(); value += 1) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 1_000));
    const labels = [['__name__', 'node_bench_probe'] as const];
    const body = encodeWriteRequest([{ labels, samples: [{ value, timestampMs: Date.now() }] }]);
    const sent = performance.now();
    await poster.post(kernel.compress(body));
    while (!(await sees(url, readKey, value))) {
      if (performance.now() - sent > 15_000) throw new Error('a sample never became visible');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    visible.push(performance.now() - sent);
  }
  poster.close();
}

async function sees(url: string, key: string, value: number): Promise<boolean> {
  const answer = await fetch(`${url}/api/v1/query?query=node_bench_probe`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const { data } = (await answer.json()) as { data?: { result?: { value: [number, string] }[] } };
  return Number(data?.result?.[0]?.value[1] ?? 0) >= value;
}
