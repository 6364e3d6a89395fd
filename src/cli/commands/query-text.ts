import { sparkline, summaryOf } from '../show/chart.ts';
import { table, type Screen } from '../show/table.ts';
import { figure, plural } from '../show/text.ts';
import { seriesText } from './host-text.ts';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [seconds: number, value: string];

interface Row {
  metric: Labels;
  value?: Sample;
  values?: readonly Sample[];
  histogram?: unknown;
}

export interface Instant {
  data:
    | { resultType: 'vector'; result: Row[] }
    | { resultType: 'matrix'; result: Row[] }
    | { resultType: 'scalar'; result: Sample }
    | { resultType: 'string'; result: Sample };
  warnings?: string[];
}

export interface Series {
  metric: Labels;
  values?: readonly Sample[];
}

export interface Matrix {
  data: { result: Series[] };
  warnings?: string[];
}

/** As PromQL writes it: `name{label="value"}`. */
export function nameOf({ __name__: name = '', ...labels }: Labels): string {
  const inner = Object.entries(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(', ');
  return inner === '' && name !== '' ? name : `${name}{${inner}}`;
}

const timeOf = (seconds: number): string =>
  new Date(seconds * 1_000)
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z$/, '');

export function instantText({ data }: Instant, screen: Screen): string {
  if (data.resultType === 'scalar' || data.resultType === 'string') return `${data.result[1]}\n`;
  if (data.result.length === 0) return 'nothing\n';
  if (data.resultType === 'matrix') return pointTable(data.result, screen);
  return table<Row>(
    data.result,
    [
      { title: 'SERIES', value: ({ metric }) => nameOf(metric), canShrink: true },
      {
        ...{ title: 'VALUE', isNumber: true },
        value: ({ value }) => value?.[1] ?? 'a histogram: --json shows it',
      },
    ],
    screen,
  );
}

interface RangeLook {
  isTable: boolean;
  screen: Screen;
}

const mostLines = 100;
const sparkWidth = 60;

/** One series as a chart, several as a line each, or all points as rows. */
export function rangeText(series: readonly Series[], { isTable, screen }: RangeLook): string {
  if (series.length === 0) return 'nothing\n';
  if (isTable) return pointTable(series, screen);
  const [first] = series;
  if (series.length === 1 && first) {
    const points = (first.values ?? []).map(([seconds, value]) => ({
      ts: new Date(seconds * 1_000).toISOString(),
      value: numberOf(value),
    }));
    return seriesText({ title: nameOf(first.metric), points, unit: '' }, screen);
  }
  const left = series.length - mostLines;
  const more = left > 0 ? `… and ${plural(left, 'series', 'series')} more; --json tells all\n` : '';
  return sparkTable(series.slice(0, mostLines), screen) + more;
}

const numberOf = (text: string): number | null => {
  const value = Number(text.replace('Inf', 'Infinity'));
  return Number.isFinite(value) ? value : null;
};

function sparkTable(series: readonly Series[], screen: Screen): string {
  const width = Math.max(10, Math.min(sparkWidth, Math.floor((screen.columns ?? 120) / 3)));
  const slots = slotsOf(series);
  const rows = series.map(({ metric, values = [] }) => {
    const known = new Map(values.map(([seconds, value]) => [seconds, numberOf(value)]));
    const inTime = slots.map((seconds) => known.get(seconds) ?? null);
    return { metric, line: sparkline(inTime, width), summary: summaryOf(inTime) };
  });
  type Line = (typeof rows)[number];
  const number = (title: string, of: 'min' | 'avg' | 'max' | 'last') => ({
    ...{ title, isNumber: true },
    value: ({ summary }: Line) => figure(summary?.[of]),
  });
  return table<Line>(
    rows,
    [
      { title: 'SERIES', value: ({ metric }) => nameOf(metric), canShrink: true },
      number('MIN', 'min'),
      number('AVG', 'avg'),
      number('MAX', 'max'),
      number('LAST', 'last'),
      { title: '', value: ({ line }) => line },
    ],
    screen,
  );
}

/** All moments of all series, so that lines below each other mean the same time. */
function slotsOf(series: readonly Series[]): number[] {
  const all = new Set(series.flatMap(({ values = [] }) => values.map(([seconds]) => seconds)));
  return [...all].sort((a, b) => a - b);
}

function pointTable(series: readonly Series[], screen: Screen): string {
  const rows = series.flatMap(({ metric, values = [] }) =>
    values.map(([seconds, value]) => ({ name: nameOf(metric), seconds, value })),
  );
  type Point = (typeof rows)[number];
  const name = { title: 'SERIES', value: (row: Point) => row.name, canShrink: true };
  return table<Point>(
    rows,
    [
      { title: 'TIME (UTC)', value: ({ seconds }) => timeOf(seconds) },
      ...(series.length > 1 ? [name] : []),
      { title: 'VALUE', value: ({ value }) => value, isNumber: true },
    ],
    screen,
  );
}
