import { caller, type Call } from '../support/rest.ts';
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
import { makeFleet } from './api/fleet.ts';
import { Bodies, Poster, seriesLabels } from './load.ts';
import { print, type Table } from './report.ts';

interface Options {
  hosts: number;
  /** Distance of the samples of the week. */
  stepMs: number;
}

const week = 7 * 86_400_000;
const perHost = 167;
const intervalMs = 5_000;

/** The weekly report over a week of a fleet, beside ingest at the PRP's rate (issue 5, "Speed"). */
export async function benchReports(options: Options): Promise<Table> {
  const stage = new Stage();
  try {
    const table = await run(stage, options);
    print(table);
    return table;
  } finally {
    await stage.end();
  }
}

async function run(stage: Stage, { hosts, stepMs }: Options): Promise<Table> {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage, { GAUGEWAY_REPORTS_LOOK_INTERVAL: '200ms' });
  await makeFleet(stage, product, storage, { count: hosts, forMs: week, stepMs });
  const admin = caller(product, product.adminToken);
  const ingest = startIngest(product, hosts);
  // What is new to the gateway in the first rounds is not what is measured.
  await ingest.over(4 * intervalMs);
  const before = await ingest.over(30_000);
  const rows = [];
  for (const format of ['csv', 'pdf'] as const) {
    rows.push(await measure(product, admin, { format, ingest, calm: before }));
  }
  await ingest.stop();
  return {
    title: `weekly report over ${String(hosts)} hosts × 7 days, beside ${String((hosts * perHost * 1_000) / intervalMs)} samples/s`,
    columns: [
      ...['', 'seconds (target < 60)', 'CPU-seconds of the product', 'file, KiB'],
      ...['RSS before, MiB', 'peak, MiB', 'rise, MiB (target < 300 in all)'],
      ...['ingest p99 before, ms', 'while it is made', 'in its 30 s', 'ratio (target ≤ 2)'],
    ],
    rows,
    notes: [
      `Samples of the week every ${String(stepMs / 1_000)} s, of nine or ten series a host; seconds from the request to the finished run. The ratio is that of the 30 s which begin with the request: 3,000 posts; while the report is made there are some hundred. Journal on.`,
    ],
  };
}

interface Ingest {
  /** Milliseconds of the answers that came within this time. */
  over(forMs: number): Promise<number[]>;
  during(work: Promise<unknown>): Promise<number[]>;
  stop(): Promise<void>;
}

function startIngest(product: Product, hosts: number): Ingest {
  const bodies = new Bodies(seriesLabels(hosts * perHost, perHost), perHost);
  const poster = new Poster(`${product.url}/api/v1/write`, product.writeKey, 64);
  let isOver = false;
  const posting = (async () => {
    const began = performance.now();
    for (let n = 0; !isOver; n += 1) {
      const wait = began + (n * intervalMs) / hosts - performance.now();
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      void poster.post(bodies.make(Date.now()).body);
    }
  })();
  const during = async (work: Promise<unknown>): Promise<number[]> => {
    const from = poster.latenciesMs.length;
    await work;
    return poster.latenciesMs.slice(from);
  };
  return {
    during,
    over: (forMs) => during(new Promise((resolve) => setTimeout(resolve, forMs))),
    async stop() {
      isOver = true;
      await posting;
      poster.close();
    },
  };
}

async function measure(
  product: Product,
  admin: Call,
  { format, ingest, calm }: { format: 'csv' | 'pdf'; ingest: Ingest; calm: readonly number[] },
): Promise<string[]> {
  const schedule = await admin('POST', '/api/v1/reports/schedules', { name: format, format });
  const rssBefore = rssMib(product.pid);
  const cpuBefore = cpuSeconds(product.pid);
  const beganMs = performance.now();
  let peak = rssBefore;
  const watching = setInterval(() => (peak = Math.max(peak, rssMib(product.pid))), 20);
  let bytes = 0;
  const seen = { status: '' };
  const around = ingest.over(30_000);
  const meanwhile = await ingest.during(
    (async () => {
      const path = `/api/v1/reports/schedules/${String(schedule.body['id'])}/run`;
      const { body } = await admin('POST', path);
      await until(
        'the report is made',
        async () => {
          const run = (await admin('GET', `/api/v1/reports/runs/${String(body['id'])}`)).body;
          seen.status = String(run['status']);
          const files = run['files'] as { bytes: number }[] | undefined;
          bytes = (files ?? []).reduce((sum, one) => sum + one.bytes, 0);
          return ['done', 'failed'].includes(seen.status);
        },
        300_000,
      );
    })(),
  );
  clearInterval(watching);
  if (seen.status === 'failed') throw new Error(`the ${format} report failed`);
  const seconds = (performance.now() - beganMs) / 1_000;
  const inAll = await around;
  const ratio = percentile(inAll, 99) / percentile(calm, 99);
  return [
    format,
    seconds.toFixed(1),
    (cpuSeconds(product.pid) - cpuBefore).toFixed(1),
    (bytes / 1_024).toFixed(0),
    ...[rssBefore, peak, peak - rssBefore].map((mib) => mib.toFixed(0)),
    ...[calm, meanwhile, inAll].map((times) => percentile(times, 99).toFixed(1)),
    ratio.toFixed(2),
  ];
}
