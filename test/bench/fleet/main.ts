import { percentile } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';
import { seriesPerHost } from './bodies.ts';
import { runFleet, type FleetRun } from './run.ts';

/** So many agents for half an hour: memory of every role, errors, lag. */
export async function soakFleet(options: { hosts: number; seconds: number }): Promise<Table[]> {
  const run = await runFleet(options);
  const tables = [soakTable(run), memoryTable(run), diskTable(run)];
  for (const table of tables) print(table);
  return tables;
}

/** What hosts cost, for fleets of several sizes (docs/operations/sizing.md). */
export async function benchSizing(options: {
  hosts: readonly number[];
  seconds: number;
}): Promise<Table[]> {
  const runs: FleetRun[] = [];
  for (const hosts of options.hosts) runs.push(await runFleet({ hosts, seconds: options.seconds }));
  const tables = [costTable(runs), ...runs.slice(-1).map(diskTable)];
  for (const table of tables) print(table);
  return tables;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, one) => sum + one, 0) / Math.max(1, values.length);
const counts = (statuses: ReadonlyMap<number, number>): string =>
  JSON.stringify(Object.fromEntries(statuses));

function soakTable({ hosts, seconds, sent, counted, lags, trouble, coming }: FleetRun): Table {
  return {
    title: `${hosts.toLocaleString('en-US')} agents of ${String(seriesPerHost)} series every 5 s, ${String(seconds)} s, a process of each role`,
    columns: ['figure', 'value'],
    rows: [
      ['samples acknowledged', String(sent.samples)],
      ['samples/s acknowledged', (sent.samples / seconds).toFixed(0)],
      ['answers while the agents came, in a minute before', coming],
      ['answers to writes', counts(sent.writes)],
      ['answers to heartbeats', counts(sent.beats)],
      ...[...sent.refusals].map(([text, count]) => [
        `refused: ${text.slice(0, 120)}`,
        String(count),
      ]),
      [
        'of fifty hosts: acknowledged, found in storage',
        `${String(counted.acknowledged)}, ${String(counted.found)}`,
      ],
      [
        'acknowledgement p50 / p95 / p99, ms',
        [50, 95, 99].map((part) => percentile(sent.latenciesMs, part).toFixed(1)).join(' / '),
      ],
      ['sent after its time, at most, ms', sent.lateMs.toFixed(0)],
      ['cores of the senders, on the same machine', sent.cores.toFixed(2)],
      ...Object.entries(lags).map(([name, value]) => [`${name}, most`, value.toFixed(2)]),
      ...Object.entries(trouble).map(([name, value]) => [`\`${name}\``, String(value)]),
    ],
  };
}

function memoryTable({ parts }: FleetRun): Table {
  return {
    title: 'The same: each process',
    columns: [
      'process',
      'cores',
      'RSS MiB: second sixth',
      'third',
      'fourth',
      'fifth',
      'last',
      'most',
    ],
    rows: parts.map(({ name, cores, rss }) => {
      const sixth = Math.ceil(rss.length / 6);
      const of = (at: number): string => mean(rss.slice(at * sixth, (at + 1) * sixth)).toFixed(0);
      return [
        name,
        cores.toFixed(3),
        of(1),
        of(2),
        of(3),
        of(4),
        of(5),
        Math.max(...rss).toFixed(0),
      ];
    }),
    notes: ['Postgres: memory that is not shared, of all its processes.'],
  };
}

function diskTable({ disk }: FleetRun): Table {
  return {
    title: 'The same: disk',
    columns: ['tier', 'samples', 'bytes a sample', 'index MiB'],
    rows: Object.entries(disk).map(([name, { samples, index, count }]) => [
      ...[name, String(count), count === 0 ? '-' : (samples / count).toFixed(2)],
      (index / 1_048_576).toFixed(1),
    ]),
  };
}

function costTable(runs: readonly FleetRun[]): Table {
  const names = runs[0]?.parts.map(({ name }) => name) ?? [];
  const cells = (of: (run: FleetRun) => string): string[] => runs.map(of);
  return {
    title: `What agents cost: ${String(seriesPerHost)} series every 5 s and a heartbeat every 30 s each, ${String(runs[0]?.seconds ?? 0)} s a size`,
    columns: ['', ...cells(({ hosts }) => `${hosts.toLocaleString('en-US')} hosts`)],
    rows: [
      [
        'samples/s acknowledged',
        ...cells(({ sent, seconds }) => (sent.samples / seconds).toFixed(0)),
      ],
      ['answers to writes', ...cells(({ sent }) => counts(sent.writes))],
      [
        'acknowledgement p99, ms',
        ...cells(({ sent }) => percentile(sent.latenciesMs, 99).toFixed(1)),
      ],
      ['senders, on the same machine: cores', ...cells(({ sent }) => sent.cores.toFixed(3))],
      ...names.flatMap((name, at) => [
        [`${name}: cores`, ...cells(({ parts }) => parts[at]!.cores.toFixed(3))],
        [
          `${name}: RSS MiB at the end`,
          ...cells(({ parts }) => (parts[at]!.rss.at(-1) ?? 0).toFixed(0)),
        ],
      ]),
      ['Postgres: commits/s', ...cells(({ postgres }) => postgres.commits.toFixed(1))],
      ['Postgres: rows written/s', ...cells(({ postgres }) => postgres.rows.toFixed(1))],
    ],
  };
}
