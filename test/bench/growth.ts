import { Bodies, Poster, seriesLabels } from './load.ts';
import {
  cpuSeconds,
  percentile,
  rssMib,
  Stage,
  startProduct,
  startSink,
} from '../support/stage.ts';
import { print, type Table } from './report.ts';

const connections = 8;

/** Cost as work grows: active series at 2,000 a request, and hosts at 167 a request. */
export async function benchGrowth(options: {
  series: number[];
  hosts: number[];
  samples: number;
}): Promise<Table[]> {
  const bySeries = await table(
    'active series, 2,000 samples a request, journal on (fsync group), null sink',
    'active series',
    options.series.map((count) => ({ name: String(count), series: count, perRequest: 2_000 })),
    options.samples,
  );
  const byHosts = await table(
    'hosts of 167 series, one request a host, journal on (fsync group), null sink',
    'hosts',
    options.hosts.map((count) => ({ name: String(count), series: count * 167, perRequest: 167 })),
    Math.min(options.samples, 4_000_000),
  );
  return [bySeries, byHosts];
}

interface Size {
  name: string;
  series: number;
  perRequest: number;
}

async function table(
  title: string,
  column: string,
  sizes: Size[],
  samples: number,
): Promise<Table> {
  const rows: string[][] = [];
  for (const size of sizes) {
    const stage = new Stage();
    try {
      rows.push(await measure(stage, size, samples));
    } finally {
      await stage.end();
    }
  }
  const made = {
    title: `Growth: ${title}`,
    columns: [
      column,
      'first sight: CPU-s per million',
      'known: CPU-s per million',
      'ack p50 ms',
      'ack p99 ms',
      'RSS MiB',
    ],
    rows,
  };
  print(made);
  return made;
}

async function measure(
  stage: Stage,
  { name, series, perRequest }: Size,
  samples: number,
): Promise<string[]> {
  const sink = await startSink(stage);
  const product = await startProduct(stage, { url: sink });
  const source = new Bodies(
    seriesLabels(series, perRequest === 2_000 ? 96 : perRequest),
    perRequest,
  );
  const startMs = Date.now() - 3_600_000;
  const cycle = async (
    rounds: number,
    offset: number,
  ): Promise<{ perMillion: number; latencies: number[] }> => {
    const poster = new Poster(`${product.url}/api/v1/write`, product.writeKey, connections);
    const before = cpuSeconds(product.pid);
    let posted = 0;
    for (let r = 0; r < rounds; r += 1) {
      const bodies: Buffer[] = [];
      for (let n = 0; n < source.perCycle; n += 1) {
        const made = source.make(startMs + (offset + r) * 1_000);
        posted += made.samples;
        bodies.push(made.body);
      }
      await poster.postAll(bodies, connections);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    poster.close();
    const bad = [...poster.statuses].filter(([status]) => status !== 204);
    if (bad.length > 0) throw new Error(`answers ${JSON.stringify(bad)}`);
    return {
      perMillion: ((cpuSeconds(product.pid) - before) / posted) * 1e6,
      latencies: poster.latenciesMs,
    };
  };
  const first = await cycle(1, 0);
  const rounds = Math.max(2, Math.ceil(samples / series));
  await cycle(Math.ceil(rounds / 3), 1);
  const known = await cycle(rounds, 10_000 > rounds ? 1 + rounds : rounds);
  return [
    name,
    first.perMillion.toFixed(2),
    known.perMillion.toFixed(3),
    percentile(known.latencies, 50).toFixed(2),
    percentile(known.latencies, 99).toFixed(2),
    rssMib(product.pid).toFixed(0),
  ];
}
