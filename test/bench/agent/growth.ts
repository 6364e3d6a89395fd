import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stage, until } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';
import { megabytes, watch } from './measure.ts';
import { startTlsSink } from './sink.ts';
import { pause, startAgent } from './start.ts';

const warmUpSeconds = 20;
const measuredSeconds = 60;
const tickMs = 5_000;

/** What a host of so many processes costs: a tree of files in /proc's place, a tenth of them working. */
export async function benchAgentProcesses(counts: readonly number[]): Promise<Table> {
  const rows: string[][] = [];
  for (const count of counts) {
    const stage = new Stage();
    try {
      const procfs = makeProcessTree(stage, count);
      const sink = await startTlsSink(stage);
      const agent = await startAgent(stage, sink, 'processes', { GAUGEWAY_AGENT_PROCFS: procfs });
      await pause(warmUpSeconds);
      const cost = (await watch(new Map([['agent', agent.pid]]), measuredSeconds)).get('agent');
      rows.push([
        count.toLocaleString('en'),
        megabytes(cost?.meanRss ?? NaN),
        megabytes(cost?.maxRss ?? NaN),
        `${(cost?.cpuPercent ?? NaN).toFixed(2)} %`,
      ]);
    } finally {
      await stage.end();
    }
  }
  const table = {
    title: 'Processes on the host, a tenth of them working',
    columns: ['processes', 'RSS mean, 10⁶ B', 'RSS max, 10⁶ B', 'CPU of one core'],
    rows,
    notes: ['Files of a folder in the place of /proc, rewritten every 5 s for those that work.'],
  };
  print(table);
  return table;
}

function makeProcessTree(stage: Stage, count: number): string {
  const procfs = join(stage.directory(), 'proc');
  cpSync('test/fixtures/hosts/core/1', procfs, { recursive: true });
  cpSync(join(procfs, 'net'), join(procfs, '1', 'net'), { recursive: true });
  rmSync(join(procfs, 'net'), { recursive: true });
  const write = (pid: number, ticks: number) =>
    writeFileSync(join(procfs, String(pid), 'stat'), statLine(pid, ticks));
  for (let pid = 100; pid < 100 + count; pid += 1) {
    mkdirSync(join(procfs, String(pid)));
    write(pid, 0);
  }
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 5;
    for (let pid = 100; pid < 100 + count; pid += 10) write(pid, ticks);
  }, tickMs);
  stage.onEnd(() => clearInterval(timer));
  return procfs;
}

function statLine(pid: number, ticks: number): string {
  const own = readFileSync('/proc/self/stat', 'latin1');
  const fields = own.slice(own.lastIndexOf(')') + 2).split(' ');
  fields[6] = '4194304';
  fields[11] = String(ticks);
  fields[12] = '0';
  return `${String(pid)} (program-${String(pid % 300)}) ${fields.join(' ')}`;
}

/** Bytes of a tick by profile and version of remote write, and where the CPU of a tick goes. */
export async function benchAgentWire(): Promise<Table[]> {
  const stage = new Stage();
  try {
    const sink = await startTlsSink(stage);
    const rows: string[][] = [];
    for (const profile of ['lean', 'core', 'full']) {
      const cells: string[] = [];
      for (const version of ['1.0', '2.0']) {
        const name = `${profile}-${version}`;
        const agent = await startAgent(stage, sink, name, {
          GAUGEWAY_AGENT_PROFILE: profile,
          GAUGEWAY_AGENT_REMOTE_WRITE: version,
          GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
        });
        await until('it sent a few', () => Promise.resolve(sink.received(name).posts >= 5));
        const before = sink.received(name);
        await until('it sent more', () =>
          Promise.resolve(sink.received(name).posts >= before.posts + 20),
        );
        const after = sink.received(name);
        cells.push(
          Math.round((after.bytes - before.bytes) / (after.posts - before.posts)).toLocaleString(
            'en',
          ),
        );
        agent.child.kill('SIGTERM');
      }
      rows.push([profile, ...cells]);
    }
    const table = {
      title: 'Bytes of one tick on the wire',
      columns: ['profile', 'remote write 1.0', 'remote write 2.0'],
      rows,
      notes: ['Body of the POST, snappy; the first ticks, which tell what is new, are left out.'],
    };
    print(table);
    return [table, await collectorCosts(stage, sink)];
  } finally {
    await stage.end();
  }
}

async function collectorCosts(
  stage: Stage,
  sink: Awaited<ReturnType<typeof startTlsSink>>,
): Promise<Table> {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  await startAgent(stage, sink, 'collectors', {
    GAUGEWAY_AGENT_PROFILE: 'full',
    GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
    GAUGEWAY_AGENT_LISTEN: `127.0.0.1:${String(port)}`,
  });
  const sums = new Map<string, number[]>();
  let seen = '';
  const ticks = 30;
  await until('thirty ticks were seen', async () => {
    const text = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    const beat = /^agent_heartbeat_timestamp_seconds (.*)$/m.exec(text)?.[1] ?? '';
    if (beat !== seen) {
      for (const [, name = '', value] of text.matchAll(
        /^agent_collector_duration_seconds\{collector="(.*?)"\} (.*)$/gm,
      )) {
        sums.set(name, [...(sums.get(name) ?? []), Number(value) * 1e6]);
      }
    }
    seen = beat;
    return (sums.get('cpu')?.length ?? 0) >= ticks;
  });
  const median = (values: number[]) =>
    values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const costs = [...sums]
    .map(([name, values]) => [name, median(values)] as const)
    .sort((a, b) => b[1] - a[1]);
  const table = {
    title: 'Time of one tick by collector, profile full, µs, median of 30',
    columns: ['collector', 'µs'],
    rows: costs.map(([name, micros]) => [name, micros.toFixed(0)]),
  };
  print(table);
  return table;
}
