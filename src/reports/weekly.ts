import type { StorageAsk } from '../host-metrics/index.ts';
import type { Clock } from '../platform/index.ts';
import { alertsPerDay, ruleWeeks, type WeekAlert } from './week-alerts.ts';
import { diskWeeks } from './week-disks.ts';
import { fleetHours } from './week-hours.ts';
import { hostStats } from './week-stats.ts';
import type { ReportWish } from './schedule.ts';
import type { HostWeek, WeeklyReport } from './weekly-report.ts';

export interface ReportHost {
  id: string;
  hostname: string;
  lastSeenAtMs: number | null;
}

/** What a report is made from. */
export interface WeekSources {
  /** Not the one that dashboards use: a report waits for itself. */
  ask: StorageAsk;
  hosts(tenantId: string, tags: Readonly<Record<string, string>>): Promise<readonly ReportHost[]>;
  /** That fired at some time between the two. */
  alerts(tenantId: string, startMs: number, endMs: number): Promise<readonly WeekAlert[]>;
  clock: Clock;
}

export const weekMs = 7 * 86_400_000;
/** One question to storage reads the week of so many hosts: bounded memory there, and dashboards get their turn. */
const hostsAtOnce = 50;
const silentAfterMs = 2 * 60_000;
const noFigures = { cpu: null, mem: null, gpu: null };

/** The seven days until `endMs`. Rejects with UNAVAILABLE where storage or the database does not answer. */
export async function makeWeeklyReport(
  sources: WeekSources,
  tenantId: string,
  { wish, endMs }: { wish: ReportWish; endMs: number },
): Promise<WeeklyReport> {
  const { ask, clock } = sources;
  const startMs = endMs - weekMs;
  const known = await sources.hosts(tenantId, wish.tags);
  const slices = slicesOf(known.map(({ id }) => id));
  const hours = await fleetHours(ask, tenantId, { slices, startMs, endMs });
  const byId = new Map(known.map((host) => [host.id, host]));
  const hosts: HostWeek[] = [];
  for (const ids of slices) {
    const stats = await hostStats(ask, tenantId, { ids, endMs });
    const disks = await diskWeeks(ask, tenantId, { ids, endMs });
    for (const id of ids) {
      const { hostname = id, lastSeenAtMs = null } = byId.get(id) ?? {};
      const isSilent = lastSeenAtMs === null || clock.nowMs() - lastSeenAtMs > silentAfterMs;
      const figures = { ...noFigures, ...stats.get(id), disks: disks.get(id) ?? [] };
      hosts.push({ id, hostname, ...figures, lastSeenAtMs, isSilent });
    }
  }
  const all = await sources.alerts(tenantId, startMs, endMs);
  const hasTags = Object.keys(wish.tags).length > 0;
  const alerts = hasTags ? all.filter(({ hostId }) => byId.has(hostId ?? '')) : all;
  const week = { startMs, endMs, timeZone: wish.timeZone };
  return {
    ...{ name: wish.name, tags: wish.tags, ...week, madeAtMs: clock.nowMs() },
    hosts: hosts.sort((a, b) => (b.cpu?.p95 ?? -1) - (a.cpu?.p95 ?? -1)),
    hours,
    rules: ruleWeeks(alerts, week),
    alertsPerDay: alertsPerDay(alerts, week),
    coverage: coverageOf(hours, known.length),
  };
}

function coverageOf(hours: WeeklyReport['hours'], hosts: number): number | null {
  if (hosts === 0 || hours.length === 0) return null;
  const reported = hours.reduce((sum, hour) => sum + hour.hostsReporting, 0);
  return Math.min(1, reported / (hosts * hours.length));
}

function slicesOf(ids: readonly string[]): string[][] {
  const count = Math.ceil(ids.length / hostsAtOnce);
  return Array.from({ length: count }, (_, i) => ids.slice(i * hostsAtOnce, (i + 1) * hostsAtOnce));
}
