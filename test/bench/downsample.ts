import { createSeriesWriter, createVictoriaClient } from '../../src/storage/victoria/index.ts';
import type { VictoriaTarget } from '../../src/storage/victoria/index.ts';
import { encodeWriteRequest, type Series } from '../../src/wire/index.ts';
import { snappy } from '../support/snappy.ts';
import {
  cpuSeconds,
  percentile,
  rssMib,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';
import { startTier, tierEnvironment } from '../support/tiers.ts';
import { Bodies, Poster, seriesLabels } from './load.ts';
import { print, type Table } from './report.ts';

const hourMs = 3_600_000;
const stepMs = 5_000;
/** Of the 150 series of a host. */
const counters = 60;

interface Options {
  hosts: number;
  seriesPerHost: number;
  /** Posted meanwhile; 0: nothing. */
  livePerSecond: number;
}

/** One closed hour of raw samples into both tiers, by a server that takes live samples meanwhile. */
export async function benchDownsample(options: Options): Promise<Table> {
  const stage = new Stage();
  try {
    const table = await run(stage, options);
    print(table);
    return table;
  } finally {
    await stage.end();
  }
}

async function run(stage: Stage, options: Options): Promise<Table> {
  const raw = await startStorage(stage);
  const tiers = [await startTier(stage, '1m'), await startTier(stage, '5m')];
  const hourEndMs = Math.floor((Date.now() - hourMs - 180_000) / hourMs) * hourMs;
  const samples = await fill(raw.target, hourEndMs, options);
  const product = await startProduct(stage, raw, {
    ...tierEnvironment('1m', tiers[0]!.target),
    ...tierEnvironment('5m', tiers[1]!.target),
    GAUGEWAY_INGEST_TIMESTAMP_PAST: '1h',
    GAUGEWAY_DOWNSAMPLE_INTERVAL: '1s',
  });
  const pids = {
    server: product.pid,
    raw: raw.pid()!,
    '1m': tiers[0]!.pid()!,
    '5m': tiers[1]!.pid()!,
  };
  const before = Object.values(pids).map(cpuSeconds);
  const memory: number[] = [];
  const sampler = setInterval(() => memory.push(rssMib(product.pid)), 250);
  const live = post(product, options.livePerSecond);
  await until(
    'both tiers have the hour',
    async () => (await read(product, 'samples_in')) >= samples,
    1_800_000,
  );
  const latencies = await live.end();
  clearInterval(sampler);
  const cpu = Object.values(pids).map((pid, at) => cpuSeconds(pid) - before[at]!);
  const seconds = await read(product, 'slice_seconds_sum');
  return {
    title: `Downsampling: one hour of ${String(options.hosts)} hosts × ${String(options.seriesPerHost)} series every 5 s into both tiers`,
    columns: [
      ...['raw samples', 'live samples/s', 'seconds', 'samples/s', 'samples out'],
      ...['CPU-s server', 'raw', '1m', '5m', 'server RSS MiB max', 'live ack p99 ms'],
      ...['bytes/sample raw', '1m', '5m'],
    ],
    rows: [
      [
        ...[String(samples), String(options.livePerSecond), seconds.toFixed(1)],
        (samples / seconds).toFixed(0),
        String(await read(product, 'samples_out')),
        ...cpu.map((used) => used.toFixed(1)),
        Math.max(...memory).toFixed(0),
        latencies.length === 0 ? '-' : percentile(latencies, 99).toFixed(1),
        ...(await Promise.all(
          [raw.target, ...tiers.map(({ target }) => target)].map(bytesPerSample),
        )),
      ],
    ],
  };
}

/** Fills raw storage with an hour of gauges and counters; how many samples. */
async function fill(
  target: VictoriaTarget,
  hourEndMs: number,
  { hosts, seriesPerHost }: Options,
): Promise<number> {
  const client = createVictoriaClient(target);
  const writer = createSeriesWriter(client);
  let samples = 0;
  for (let host = 0; host < hosts; host += 1) {
    const series: Series[] = [];
    for (let at = 0; at < seriesPerHost; at += 1) {
      const isCounter = at < counters;
      series.push({
        labels: [
          [
            '__name__',
            isCounter ? `bench_work_${String(at % 20)}_total` : `bench_level_${String(at % 45)}`,
          ],
          ...[['host_id', `host-${String(host)}`] as const, ['instance', String(at)] as const],
          ...[['os', 'linux'] as const, ['zone', `zone-${String(host % 3)}`] as const],
        ],
        samples: Array.from({ length: hourMs / stepMs }, (_, tick) => ({
          timestampMs: hourEndMs - hourMs + (tick + 1) * stepMs - ((host * 37) % stepMs),
          value: isCounter ? tick * (at + 3) : ((tick * 7919 + at * 104_729) % 10_007) / 100,
        })),
      });
    }
    for (const one of series) samples += one.samples.length;
    const { kind } = await writer.write(
      [['tenant', 'default']],
      snappy(encodeWriteRequest(series)),
    );
    if (kind !== 'written') throw new Error(kind);
  }
  await writer.makeVisible();
  await client.close();
  return samples;
}

/** Posts live samples at a rate; `end` says how long each post took, milliseconds. */
function post(product: Product, perSecond: number) {
  const perRequest = 1_000;
  let isOver = perSecond === 0;
  const source = new Bodies(seriesLabels(75_000), perRequest);
  const poster = new Poster(`${product.url}/api/v1/write`, product.writeKey, 4);
  const work = async (): Promise<void> => {
    const begun = performance.now();
    for (let posts = 0; !isOver; posts += 1) {
      const ahead = ((posts * perRequest) / perSecond) * 1_000 - (performance.now() - begun);
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
      const { body } = source.make(Date.now());
      await poster.post(body);
    }
  };
  const working = work();
  return {
    async end(): Promise<number[]> {
      isOver = true;
      await working;
      return poster.latenciesMs;
    },
  };
}

/** The sum over all labels of one of the room's own metrics. */
async function read({ url, adminToken }: Product, name: string): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: adminToken } });
  const text = await answer.text();
  const lines = text.matchAll(
    new RegExp(`^gaugeway_retention_${name}(?:_total)?(?:\\{[^}]*\\})? (\\S+)$`, 'gm'),
  );
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** On disk at this moment, the index not counted. */
async function bytesPerSample(target: VictoriaTarget): Promise<string> {
  const auth = Buffer.from(`${target.username ?? ''}:${target.password ?? ''}`).toString('base64');
  const answer = await fetch(
    `${target.baseUrl}/metrics?authKey=${target.authKeys?.metrics ?? ''}`,
    {
      headers: { authorization: `Basic ${auth}` },
    },
  );
  const text = await answer.text();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{type="storage/[^"]*"\\} (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return (sum('vm_data_size_bytes') / sum('vm_rows')).toFixed(2);
}
