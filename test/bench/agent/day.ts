import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Stage } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';
import { megabytes } from './measure.ts';
import { startTlsSink } from './sink.ts';
import { agentFlags } from './start.ts';

interface Point {
  tick: number;
  rss: number;
  heapUsed: number;
  sent: number;
}

/** A day of ticks as fast as they go: memory that grows with them would show as a slope. */
export async function benchAgentDay(options: { ticks: number }): Promise<Table> {
  const stage = new Stage();
  try {
    const sink = await startTlsSink(stage);
    const program = join(stage.directory(), 'day.mjs');
    await build({
      entryPoints: ['test/bench/agent/day-child.ts'],
      ...{ outfile: program, bundle: true, platform: 'node', format: 'esm', minify: true },
      define: { GAUGEWAY_AGENT_VERSION: '"bench"' },
    });
    const child = spawn(process.execPath, [...agentFlags, program, String(options.ticks)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        GAUGEWAY_AGENT_URL: `${sink.url}/day`,
        GAUGEWAY_AGENT_CA_FILE: sink.caFile,
        GAUGEWAY_AGENT_KEY: 'bench',
        GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
      },
    });
    stage.onEnd(() => child.kill('SIGKILL'));
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    if (code !== 0) throw new Error(`the day ended with ${String(code)}`);
    return report(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Point),
      options.ticks,
    );
  } finally {
    await stage.end();
  }
}

function report(points: readonly Point[], ticks: number): Table {
  const warm = points.slice(Math.floor(points.length / 5));
  const perDay = (of: (point: Point) => number) =>
    slope(warm.map((point) => [point.tick, of(point)])) * ticks;
  const thirds = (of: (point: Point) => number) => {
    const third = Math.floor(warm.length / 3);
    const mean = (part: readonly Point[]) =>
      part.reduce((sum, point) => sum + of(point), 0) / part.length;
    return [mean(warm.slice(0, third)), mean(warm.slice(-third))].map(megabytes);
  };
  const row = (name: string, of: (point: Point) => number) => [
    name,
    ...thirds(of),
    (perDay(of) / 1e6).toFixed(2),
  ];
  const table = {
    title: `A day of ${ticks.toLocaleString('en')} ticks, as fast as they go, profile core, over TLS`,
    columns: ['10⁶ B', 'first third', 'last third', 'slope over the day'],
    rows: [row('RSS', ({ rss }) => rss), row('heap in use', ({ heapUsed }) => heapUsed)],
    notes: [
      `After a fifth for warming up; least squares. ${(points.at(-1)?.sent ?? 0).toLocaleString('en')} batches were acknowledged by the last reading.`,
    ],
  };
  print(table);
  return table;
}

function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(([at]) => at));
  const y = mean(points.map(([, value]) => value));
  const top = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return top / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}
