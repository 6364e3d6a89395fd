import { barChart, lineChart, meter } from './charts.ts';
import { periodText } from './mail.ts';
import type { HostWeek, WeeklyReport, WeekStats } from './weekly-report.ts';

/** pdfmake's document, of which it ships no types. */
export type PdfContent = unknown;

const colors = { cpu: '#2563eb', mem: '#0d9488', alert: '#dc2626', max: '#94a3b8', ink: '#0f172a' };
const pageWidth = 515;
const dayMs = 86_400_000;
/** A page of the whole list is 45 hosts; more than this is what the CSV is for. */
const mostListed = 500;
const mostBusy = 10;

/** The report as an A4 document, pure. */
export function pdfDocument(report: WeeklyReport): Record<string, unknown> {
  return {
    ...{ pageSize: 'A4', pageMargins: [40, 40, 40, 46] },
    info: { title: `${printable(report.name)}: ${periodText(report)}`, creator: 'Gaugeway' },
    defaultStyle: { font: 'Roboto', fontSize: 9, color: colors.ink },
    styles: {
      title: { fontSize: 20, bold: true },
      faint: { color: '#64748b', fontSize: 8 },
      heading: { fontSize: 12, bold: true, margin: [0, 14, 0, 5] },
      cell: { fontSize: 8 },
      head: { fontSize: 7, color: '#64748b', bold: true },
      big: { fontSize: 17, bold: true },
    },
    footer: (page: number, pages: number) => ({
      margin: [40, 14, 40, 0],
      columns: [
        { text: `Gaugeway · made ${timeText(report, report.madeAtMs)}`, style: 'faint' },
        { text: `${page} / ${pages}`, style: 'faint', alignment: 'right' },
      ],
    }),
    content: [
      ...heading(report),
      cards(report),
      ...fleet(report),
      ...busiest(report),
      ...alerts(report),
      ...disks(report),
      ...silent(report),
      ...allHosts(report),
    ],
  };
}

function heading(report: WeeklyReport): PdfContent[] {
  const tags = Object.entries(report.tags).map(([name, value]) => `${name}=${value}`);
  const scope = tags.length === 0 ? 'all hosts' : `hosts with ${tags.join(', ')}`;
  return [
    { text: printable(report.name), style: 'title' },
    { text: printable(`${periodText(report)} · ${scope}`), style: 'faint', margin: [0, 2, 0, 10] },
  ];
}

function cards(report: WeeklyReport): PdfContent {
  const total = report.rules.reduce((sum, rule) => sum + rule.alerts, 0);
  const silentHosts = report.hosts.filter(({ isSilent }) => isSilent).length;
  const card = (value: string, label: string) => ({
    stack: [
      { text: value, style: 'big' },
      { text: label, style: 'faint' },
    ],
    fillColor: '#f1f5f9',
    margin: [8, 6, 8, 6],
  });
  return {
    layout: { ...plain, hLineWidth: () => 0, paddingLeft: () => 0, paddingRight: () => 0 },
    table: {
      widths: ['*', '*', '*', '*', '*'],
      body: [
        [
          card(
            String(report.hosts.length),
            silentHosts > 0 ? `hosts, ${silentHosts} silent` : 'hosts',
          ),
          card(percent(mean(report.hours.map(({ cpuAvg }) => cpuAvg))), 'CPU on average'),
          card(percent(mean(report.hours.map(({ memAvg }) => memAvg))), 'memory on average'),
          card(String(total), total === 1 ? 'alert' : 'alerts'),
          card(
            report.coverage === null ? '–' : percent(report.coverage * 100),
            'of the hours reported',
          ),
        ],
      ],
    },
  };
}

function fleet(report: WeeklyReport): PdfContent[] {
  const { hours, startMs, endMs } = report;
  const day = new Intl.DateTimeFormat('en-GB', { timeZone: report.timeZone, weekday: 'short' });
  const ticks = Array.from({ length: 7 }, (_, i) => ({
    at: (i + 0.5) / 7,
    text: day.format(startMs + (i + 0.5) * dayMs),
  })).filter(({ at }) => startMs + at * (endMs - startMs) < endMs);
  const size = { width: pageWidth, height: 105, max: 100, unit: '%', ticks };
  const chart = (
    label: string,
    color: string,
    ...[average, busiestOne]: (readonly (number | null)[])[]
  ): PdfContent[] => [
    legend(label, color),
    {
      svg: lineChart({
        ...size,
        values: [
          { label: 'average', color, points: average ?? [] },
          { label: 'busiest host', color: colors.max, points: busiestOne ?? [] },
        ],
      }),
    },
  ];
  return [
    { text: 'The week', style: 'heading' },
    ...chart(
      'CPU',
      colors.cpu,
      hours.map((hour) => hour.cpuAvg),
      hours.map((hour) => hour.cpuMax),
    ),
    { text: '', margin: [0, 4, 0, 0] },
    ...chart(
      'Memory',
      colors.mem,
      hours.map((hour) => hour.memAvg),
      hours.map((hour) => hour.memMax),
    ),
  ];
}

function legend(label: string, color: string): PdfContent {
  return {
    margin: [0, 0, 0, 2],
    text: [
      { text: `${label}  `, bold: true, fontSize: 8 },
      { text: '— ', color, bold: true },
      { text: 'average of all hosts   ', style: 'faint' },
      { text: '— ', color: colors.max, bold: true },
      { text: 'busiest host, by the hour', style: 'faint' },
    ],
  };
}

function busiest({ hosts }: WeeklyReport): PdfContent[] {
  const rows = hosts.filter(({ cpu }) => cpu !== null).slice(0, mostBusy);
  if (rows.length === 0) return [];
  const gauge = (stats: WeekStats | null, color: string): PdfContent =>
    stats ? { svg: meter(stats.p95, { width: 90, color }), margin: [0, 3, 0, 0] } : '';
  return [
    { text: 'Busiest hosts', style: 'heading' },
    table(
      ['*', 95, 34, 34, 95, 34, 34],
      ['Host', 'CPU p95', '', 'max', 'Memory p95', '', 'max'],
      rows.map((host) => [
        cell(printable(host.hostname)),
        ...[gauge(host.cpu, colors.cpu), number(host.cpu?.p95), number(host.cpu?.max)],
        ...[gauge(host.mem, colors.mem), number(host.mem?.p95), number(host.mem?.max)],
      ]),
    ),
  ];
}

function alerts({ rules, alertsPerDay }: WeeklyReport): PdfContent[] {
  const bars = alertsPerDay.map(({ label, alerts: value }) => ({ label, value }));
  const title = { text: 'Alerts', style: 'heading' };
  if (rules.length === 0) {
    return [title, { text: 'Nothing fired in this week.', style: 'faint' }];
  }
  return [
    {
      unbreakable: true,
      stack: [
        title,
        { svg: barChart(bars, { width: pageWidth, height: 80, color: colors.alert }) },
      ],
    },
    table(
      ['*', 60, 45, 45, 80],
      ['Rule', 'Severity', 'Alerts', 'Hosts', 'Firing, in all'],
      rules
        .slice(0, 20)
        .map((rule) => [
          ...[cell(printable(rule.rule)), cell(printable(rule.severity))],
          ...[right(String(rule.alerts)), right(String(rule.hosts))],
          right(lengthText(rule.firingMinutes)),
        ]),
    ),
  ];
}

function disks({ hosts }: WeeklyReport): PdfContent[] {
  const rows = hosts
    .flatMap((host) => host.disks.map((disk) => ({ host, disk })))
    .filter(({ disk }) => disk.daysUntilFull !== null || disk.usedPercent >= 80)
    .sort(
      (a, b) =>
        (a.disk.daysUntilFull ?? 1e9) - (b.disk.daysUntilFull ?? 1e9) ||
        b.disk.usedPercent - a.disk.usedPercent,
    )
    .slice(0, 15);
  if (rows.length === 0) return [];
  return [
    { text: 'Disks that fill up', style: 'heading' },
    table(
      ['*', '*', 95, 34, 90],
      ['Host', 'Mounted at', 'Used', '', 'Full in, at this pace'],
      rows.map(({ host, disk }) => [
        ...[cell(printable(host.hostname)), cell(printable(disk.mountpoint))],
        { svg: meter(disk.usedPercent, { width: 90, color: colors.cpu }), margin: [0, 3, 0, 0] },
        ...[number(disk.usedPercent), right(daysText(disk.daysUntilFull))],
      ]),
    ),
  ];
}

function silent(report: WeeklyReport): PdfContent[] {
  const rows = report.hosts.filter(({ isSilent }) => isSilent).slice(0, 30);
  if (rows.length === 0) return [];
  return [
    { text: 'Silent when this was made', style: 'heading' },
    table(
      ['*', 150],
      ['Host', 'Last heard'],
      rows.map(({ hostname, lastSeenAtMs }) => [
        cell(printable(hostname)),
        right(lastSeenAtMs === null ? 'never' : timeText(report, lastSeenAtMs)),
      ]),
    ),
  ];
}

function allHosts({ hosts }: WeeklyReport): PdfContent[] {
  if (hosts.length === 0) return [{ text: 'There are no such hosts.', style: 'faint' }];
  const three = (stats: WeekStats | null) => [
    ...[number(stats?.avg), number(stats?.p95), number(stats?.max)],
  ];
  const row = (host: HostWeek) => [
    cell(printable(host.hostname)),
    ...[...three(host.cpu), ...three(host.mem), ...three(host.gpu)],
  ];
  const cut = hosts.length > mostListed ? `, the busiest ${mostListed} of ${hosts.length}` : '';
  return [
    { text: `All hosts${cut}`, style: 'heading' },
    table(
      ['*', 30, 30, 30, 30, 30, 30, 30, 30, 30],
      ['Host, in %', 'CPU', 'p95', 'max', 'Mem', 'p95', 'max', 'GPU', 'p95', 'max'],
      hosts.slice(0, mostListed).map(row),
    ),
  ];
}

const plain = { vLineWidth: () => 0, hLineColor: () => '#e2e8f0', hLineWidth: () => 0.5 };

function table(
  widths: readonly (string | number)[],
  head: readonly string[],
  rows: readonly (readonly PdfContent[])[],
): PdfContent {
  const titles = head.map((text, i) => ({
    ...{ text, style: 'head' },
    // Above numbers to the right, above names and gauges to the left.
    ...(isNumber(rows[0]?.[i]) ? { alignment: 'right' } : {}),
  }));
  return {
    layout: { ...plain, paddingTop: () => 2.5, paddingBottom: () => 2.5 },
    table: { headerRows: 1, dontBreakRows: true, widths, body: [titles, ...rows] },
  };
}

const isNumber = (content: PdfContent): boolean =>
  (content as { alignment?: string } | undefined)?.alignment === 'right';
const cell = (text: string): PdfContent => ({ text, style: 'cell' });
const right = (text: string): PdfContent => ({ text, style: 'cell', alignment: 'right' });
const number = (value: number | undefined): PdfContent =>
  right(value === undefined ? '–' : value.toFixed(1));
const percent = (value: number | null): string => (value === null ? '–' : `${value.toFixed(1)} %`);

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function daysText(days: number | null): string {
  if (days === null) return '–';
  return days < 1 ? 'less than a day' : `about ${Math.round(days)} days`;
}

function lengthText(minutes: number): string {
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function timeText({ timeZone }: WeeklyReport, ms: number): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, dateStyle: 'medium', timeStyle: 'short' },
  });
  return `${format.format(ms)} (${timeZone})`;
}

/** The font has Latin, Greek and Cyrillic letters; what it has not is shown by its code, so that names stay apart. */
function printable(text: string): string {
  return text.replaceAll(
    /[^\u0020-\u024F\u0370-\u03FF\u0400-\u04FF\u2010-\u2026\u20AC]/gu,
    (character) => {
      const code = character.codePointAt(0) ?? 0;
      return `\\u{${code.toString(16)}}`;
    },
  );
}
