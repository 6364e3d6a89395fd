import type { CsvValue } from './csv.ts';
import type { WeeklyReport, WeekStats } from './weekly-report.ts';

export const weeklyColumns = [
  ...['host_id', 'hostname', 'cpu_avg', 'cpu_p95', 'cpu_max', 'mem_avg', 'mem_p95', 'mem_max'],
  ...['gpu_avg', 'gpu_p95', 'gpu_max', 'disk_mountpoint', 'disk_used_pct', 'disk_days_until_full'],
  ...['silent', 'last_seen_at', 'week_start', 'week_end'],
] as const;

/** One row a host, busiest first. */
export async function* weeklyRows(report: WeeklyReport): AsyncGenerator<readonly CsvValue[]> {
  await Promise.resolve();
  const [start, end] = [report.startMs, report.endMs].map((ms) => new Date(ms).toISOString());
  for (const host of report.hosts) {
    const disk = host.disks[0];
    yield [
      ...[host.id, host.hostname, ...figures(host.cpu), ...figures(host.mem), ...figures(host.gpu)],
      ...[disk?.mountpoint ?? null, rounded(disk?.usedPercent), rounded(disk?.daysUntilFull)],
      host.isSilent ? 'yes' : 'no',
      host.lastSeenAtMs === null ? null : new Date(host.lastSeenAtMs).toISOString(),
      ...[start ?? null, end ?? null],
    ];
  }
}

const figures = (stats: WeekStats | null): (number | null)[] =>
  stats ? [stats.avg, stats.p95, stats.max].map(rounded) : [null, null, null];

const rounded = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Math.round(value * 100) / 100;
