import { chart, sparkline, summaryOf } from '../show/chart.ts';
import { facts, table, type Colour, type Screen } from '../show/table.ts';
import { ago, figure, moment, pairs } from '../show/text.ts';

export interface Host {
  id: string;
  hostname: string;
  ips: string[];
  tags: Record<string, string>;
  status: string;
  status_reason: { message: string } | null;
  agent_version: string | null;
  created_at: string;
  last_seen_at: string | null;
  metrics_summary: Record<string, number | null>;
}

export interface Point {
  ts: string;
  value: number | null;
}

export interface HostDetail {
  host: Host;
  metrics: Record<string, Point[]>;
  range: string;
  resolution: string;
}

const colours: Readonly<Record<string, Colour>> = { ok: 'green', warn: 'yellow', crit: 'red' };

/** Above what is shown as such; PRP §10.2. */
const percentColour = (value: number | null | undefined): Colour | undefined =>
  (value ?? 0) > 90 ? 'red' : (value ?? 0) > 70 ? 'yellow' : undefined;

export function hostTable(hosts: readonly Host[], screen: Screen, nowMs: number): string {
  const percent = (title: string, name: string) => ({
    ...{ title, isNumber: true },
    value: ({ metrics_summary: of }: Host) => figure(of[name]),
    colour: ({ metrics_summary: of }: Host) => percentColour(of[name]),
  });
  return table(
    hosts,
    [
      { title: 'ID', value: ({ id }) => id, canShrink: true },
      { title: 'STATUS', value: ({ status }) => status, colour: ({ status }) => colours[status] },
      percent('CPU %', 'cpu_pct'),
      percent('MEM %', 'mem_pct'),
      percent('GPU %', 'gpu_pct'),
      percent('DISK %', 'disk_pct'),
      { title: 'SEEN', value: ({ last_seen_at: seen }) => ago(seen, nowMs) },
      { title: 'TAGS', value: ({ tags }) => pairs(tags), canShrink: true },
    ],
    screen,
  );
}

const widestChart = 60;

export function hostText(detail: HostDetail, screen: Screen, nowMs: number): string {
  const { host, metrics, range, resolution } = detail;
  const { status_reason: reason } = host;
  const head = facts(
    [
      ['id', host.id],
      ['hostname', host.hostname],
      ['status', host.status + (reason ? `: ${reason.message}` : '')],
      ['addresses', host.ips.join(' ')],
      ['tags', pairs(host.tags)],
      ['agent', host.agent_version ?? '-'],
      ['seen', ago(host.last_seen_at, nowMs)],
      ['since', moment(host.created_at)],
    ],
    screen,
  );
  const shown = Object.entries(metrics).filter(([, points]) => points.length > 0);
  if (shown.length === 0) return `${head}\nNo samples in the last ${range}.\n`;
  return `${head}\nThe last ${range}, one value each ${resolution}:\n${sparkTable(shown, screen)}`;
}

/** One line a metric. */
function sparkTable(metrics: readonly [string, Point[]][], screen: Screen): string {
  const width = Math.max(10, Math.min(widestChart, (screen.columns ?? 100) - 60));
  const rows = metrics.map(([name, points]) => {
    const values = points.map(({ value }) => value);
    return { name, line: sparkline(values, width), summary: summaryOf(values) };
  });
  type Row = (typeof rows)[number];
  const number = (title: string, of: 'min' | 'avg' | 'max' | 'last') => ({
    ...{ title, isNumber: true },
    value: ({ summary }: Row) => figure(summary?.[of]),
  });
  return table<Row>(
    rows,
    [
      { title: 'METRIC', value: ({ name }) => name, canShrink: true },
      number('MIN', 'min'),
      number('AVG', 'avg'),
      number('MAX', 'max'),
      number('LAST', 'last'),
      { title: '', value: ({ line }) => line },
    ],
    screen,
  );
}

/** One metric as bars over a scale, with what it came to below. */
export function seriesText(
  { title, points, unit }: { title: string; points: readonly Point[]; unit: string },
  screen: Screen,
): string {
  const values = points.map(({ value }) => value);
  const summary = summaryOf(values);
  if (!summary) return `${title}: no samples\n`;
  const lines = chart(values, { columns: Math.min(screen.columns ?? 80, 120), rows: 8 });
  const ends = `${moment(points[0]?.ts)} to ${moment(points.at(-1)?.ts)} UTC`;
  const told = (['min', 'avg', 'max', 'last'] as const).map((of) => `${of} ${figure(summary[of])}`);
  const of = unit === '' ? '' : ` (${unit})`;
  return `${title}${of}\n${lines.join('\n')}\n${ends}: ${told.join(', ')}\n`;
}
