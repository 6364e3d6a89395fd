import type { Command } from 'commander';
import { parseDuration } from '../../platform/index.ts';
import { wrongUse } from '../exit.ts';
import { talks, type Session, type Shell } from '../session.ts';
import { seriesText, type Point } from './host-text.ts';
import { instantText, rangeText, type Instant, type Matrix } from './query-text.ts';

interface QueryOptions {
  time?: string;
  range?: string;
  step?: string;
  table?: boolean;
  metric?: string;
  host?: string;
  labels?: string;
  aggregate?: string;
}

interface Metric {
  metric: string;
  host_id: string;
  unit: string;
  datapoints: Point[];
  resolution: string;
}

/** Points of a range whose step nobody said: about one for each column of a wide terminal. */
const usualPoints = 120;

export function addQueryCommand(program: Command, shell: Shell): void {
  const command = program
    .command('query')
    .description('ask in PromQL, or for one metric of one host')
    .argument('[promql]', 'the expression')
    .option(
      '--time <time>',
      'the moment, or the end of the range: RFC 3339 or seconds; now when absent',
    )
    .option('--range <duration>', 'over this long: 15m, 1h, 7d')
    .option('--step <duration>', 'between two points; about 120 points when absent')
    .option('--table', 'points as rows, in place of a chart')
    .option('--metric <name>', 'one metric by its dotted name (cpu.utilization), with --host')
    .option('--host <id>', 'of --metric')
    .option('--labels <json>', 'of --metric, for example {"gpu_index":"0"}')
    .option('--aggregate <how>', 'of --metric: what stands for the samples of one step')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway query 'topk(5, cpu_utilization)'
  gaugeway query 'avg by (role) (mem_used_pct)' --range 6h
  gaugeway query 'up' --range 1h --step 30s --table
  gaugeway query --metric cpu.utilization --host web-1 --range 24h
  gaugeway query 'count(up == 0)' --json | jq -r '.data.result[0].value[1]'`,
    );
  talks<[string | undefined], QueryOptions>(shell, command, async (session, options, promql) => {
    if ((promql === undefined) === (options.metric === undefined)) {
      throw wrongUse('give an expression, or --metric with --host');
    }
    if (promql === undefined) await askMetric(session, options);
    else if (options.range === undefined) await askInstant(session, options, promql);
    else await askRange(session, options, promql);
  });
}

async function askMetric(session: Session, options: QueryOptions): Promise<void> {
  const { metric, host, range, labels, aggregate } = options;
  if (host === undefined) throw wrongUse('--metric needs --host');
  for (const name of ['time', 'step'] as const) {
    if (options[name] !== undefined) throw wrongUse(`--${name} is for PromQL`);
  }
  const asked = { metric, host_id: host, range, labels, aggregate };
  const answer = await session.remote.get<Metric>('/api/v1/metrics/query', asked);
  const title = `${answer.metric} of ${answer.host_id}, one value each ${answer.resolution}`;
  const { datapoints: points, unit } = answer;
  const series = { metric: {}, values: points.map(({ ts, value }) => point(ts, value)) };
  session.show(answer, () =>
    options.table
      ? rangeText([series], { isTable: true, screen: session.terminal })
      : seriesText({ title, points, unit }, session.terminal),
  );
}

const point = (ts: string, value: number | null): [number, string] => [
  Date.parse(ts) / 1_000,
  value === null ? 'NaN' : String(value),
];

async function askInstant(session: Session, options: QueryOptions, query: string): Promise<void> {
  if (options.step !== undefined) throw wrongUse('--step needs --range');
  const asked = { query, time: options.time };
  const answer = await session.remote.get<Instant>('/api/v1/query', asked);
  warn(session, answer);
  session.show(answer, () => instantText(answer, session.terminal));
}

async function askRange(session: Session, options: QueryOptions, query: string): Promise<void> {
  const rangeMs = durationOf('--range', options.range!);
  const end = options.time === undefined ? session.nowMs() / 1_000 : secondsOf(options.time);
  const step = options.step ?? `${String(stepFor(rangeMs))}s`;
  const asked = { query, start: end - rangeMs / 1_000, end, step };
  const answer = await session.remote.get<Matrix>('/api/v1/query_range', asked);
  warn(session, answer);
  session.show(answer, () =>
    rangeText(answer.data.result, { isTable: options.table === true, screen: session.terminal }),
  );
}

const warn = ({ terminal }: Session, { warnings = [] }: { warnings?: string[] }): void => {
  for (const warning of warnings) terminal.err(`warning: ${warning}\n`);
};

/** Whole seconds, and steps that people would choose. */
export function stepFor(rangeMs: number): number {
  const wanted = rangeMs / 1_000 / usualPoints;
  const steps = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400];
  return steps.find((step) => step >= wanted) ?? Math.ceil(wanted);
}

function durationOf(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) {
    throw wrongUse(`${name}: expected a duration such as 15m, 1h or 7d, not "${text}"`);
  }
  return ms;
}

function secondsOf(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1_000;
  if (Number.isNaN(seconds)) throw wrongUse(`--time: "${text}" is no RFC 3339 and no number`);
  return seconds;
}
