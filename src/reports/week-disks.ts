import { anyOf, type StorageAsk } from '../host-metrics/index.ts';
import type { WeekDisk } from './weekly-report.ts';

const secondsPerDay = 86_400;
/** A line through less than this says nothing about weeks. */
const leastSpanDays = 3;
/** Percent a day: below it a disk is as good as not growing, and days until full are years of noise. */
const leastGrowth = 0.02;
const mostDays = 365;

/** Days until a disk is full if it goes on as in this week; null where that cannot be said. */
export function daysUntilFull(disk: {
  usedPercent: number;
  /** Slope of the line through the week, percent a day. */
  growthPerDay: number;
  spanDays: number;
}): number | null {
  const { usedPercent, growthPerDay, spanDays } = disk;
  if (spanDays < leastSpanDays || !(growthPerDay >= leastGrowth)) return null;
  const days = Math.max(0, (100 - usedPercent) / growthPerDay);
  return days > mostDays ? null : days;
}

type Parts = Partial<Record<'used' | 'slope' | 'first', number>>;

/** Each host's disks, those that are full first come first. */
export async function diskWeeks(
  ask: StorageAsk,
  tenantId: string,
  { ids, endMs }: { ids: readonly string[]; endMs: number },
): Promise<Map<string, WeekDisk[]>> {
  const selector = `disk_used_pct{${anyOf('host_id', ids)}}`;
  const by = '(host_id,mountpoint)';
  const questions = {
    used: `max by ${by} (last_over_time(${selector}[1d]))`,
    slope: `max by ${by} (deriv(${selector}[7d]))`,
    first: `min by ${by} (tfirst_over_time(${selector}[7d]))`,
  };
  const labelled = Object.entries(questions).map(
    ([part, query]) => `label_set(${query},"part","${part}")`,
  );
  const rows = await ask.at(tenantId, `union(${labelled.join(',')})`, endMs);
  const parts = new Map<string, { id: string; mountpoint: string; parts: Parts }>();
  for (const { labels, value } of rows) {
    const [id, mountpoint] = [labels['host_id'] ?? '', labels['mountpoint'] ?? ''];
    const key = `${id}\0${mountpoint}`;
    const held = parts.get(key) ?? { id, mountpoint, parts: {} };
    held.parts[(labels['part'] ?? 'used') as keyof Parts] = value;
    parts.set(key, held);
  }
  const disks = new Map<string, WeekDisk[]>();
  for (const { id, mountpoint, parts: found } of parts.values()) {
    const { used, slope = 0, first = endMs / 1_000 } = found;
    if (used === undefined) continue;
    const spanDays = (endMs / 1_000 - first) / secondsPerDay;
    const growthPerDay = slope * secondsPerDay;
    const days = daysUntilFull({ usedPercent: used, growthPerDay, spanDays });
    const disk = { mountpoint, usedPercent: used, daysUntilFull: days };
    disks.set(id, [...(disks.get(id) ?? []), disk]);
  }
  for (const list of disks.values()) list.sort(soonestFirst);
  return disks;
}

function soonestFirst(a: WeekDisk, b: WeekDisk): number {
  const [soonA, soonB] = [a.daysUntilFull ?? Infinity, b.daysUntilFull ?? Infinity];
  return soonA === soonB ? b.usedPercent - a.usedPercent : soonA - soonB;
}
