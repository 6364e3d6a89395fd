import { Bodies, Poster, seriesLabels } from './load.ts';
import {
  cpuSeconds,
  median,
  rssMib,
  Stage,
  startProduct,
  startSink,
  startVmagent,
} from '../support/stage.ts';
import { print, type Table } from './report.ts';

const connections = 8;

interface Contestant {
  name: string;
  program: { url: string; readonly pid: number };
  key: string;
}

/** CPU-seconds per million samples of one round. */
async function round(
  one: Contestant,
  perRequest: number,
  bodies: readonly Buffer[],
): Promise<number> {
  const poster = new Poster(`${one.program.url}/api/v1/write`, one.key, connections);
  const before = cpuSeconds(one.program.pid);
  await poster.postAll(bodies, connections);
  // What was acknowledged is still on its way.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const used = cpuSeconds(one.program.pid) - before;
  poster.close();
  const bad = [...poster.statuses].filter(([status]) => status !== 204);
  if (bad.length > 0) throw new Error(`${one.name} answered ${JSON.stringify(bad)}`);
  return (used / (bodies.length * perRequest)) * 1e6;
}

/** gateway → null sink beside vmagent → the same sink, the same bodies in turn. */
export async function benchIngest(options: { rounds: number; samples: number }): Promise<Table[]> {
  const tables: Table[] = [];
  for (const perRequest of [2_000, 150]) {
    const stage = new Stage();
    try {
      tables.push(await compare(stage, perRequest, options));
      print(tables.at(-1));
    } finally {
      await stage.end();
    }
  }
  return tables;
}

async function compare(
  stage: Stage,
  perRequest: number,
  { rounds, samples }: { rounds: number; samples: number },
): Promise<Table> {
  const sink = await startSink(stage);
  const gateway = async (name: string, env: Record<string, string>): Promise<Contestant> => {
    const program = await startProduct(stage, { url: sink }, env);
    return { name, program, key: program.writeKey };
  };
  const contestants: Contestant[] = [
    { name: 'vmagent', program: await startVmagent(stage, sink), key: '' },
    await gateway('gateway, no journal', { GAUGEWAY_FORWARD_JOURNAL_ENABLED: 'false' }),
    await gateway('gateway, journal (fsync off)', { GAUGEWAY_FORWARD_JOURNAL_FSYNC: 'off' }),
    await gateway('gateway, journal (fsync group)', {}),
  ];
  const results = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  const labels = seriesLabels(30_000);
  // The first round warms both runtimes up and teaches the gateway the series.
  for (let i = -1; i < rounds; i += 1) {
    const source = new Bodies(labels, perRequest);
    const startMs = Date.now() - 3_600_000 + i * 60_000;
    const count = Math.ceil(samples / perRequest);
    const bodies = Array.from(
      { length: count },
      (_, n) => source.make(startMs + Math.floor(n / source.perCycle) * 1_000).body,
    );
    for (const one of contestants) {
      const used = await round(one, perRequest, bodies);
      if (i >= 0) results.get(one.name)?.push(used);
    }
  }
  const peer = results.get('vmagent') ?? [];
  return {
    title: `${String(perRequest)} samples a request, 7 labels, 30,000 series, 8 connections: CPU-seconds per million samples`,
    columns: ['', 'median', 'all rounds', 'ratio to vmagent, median of rounds', 'RSS MiB'],
    rows: contestants.map(({ name, program }) => {
      const own = results.get(name) ?? [];
      const ratio = median(own.map((used, i) => used / (peer[i] ?? NaN)));
      return [
        name,
        median(own).toFixed(3),
        own.map((used) => used.toFixed(3)).join(' '),
        ratio.toFixed(2),
        rssMib(program.pid).toFixed(0),
      ];
    }),
  };
}
