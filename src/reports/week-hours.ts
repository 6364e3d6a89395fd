import { anyOf, type StorageAsk } from '../host-metrics/index.ts';
import type { FleetHour } from './weekly-report.ts';

const hourMs = 3_600_000;

interface Sums {
  cpuSum: number;
  cpuCount: number;
  cpuMax: number;
  memSum: number;
  memCount: number;
  memMax: number;
  hosts: number;
}

const nothing = (): Sums => ({
  ...{ cpuSum: 0, cpuCount: 0, cpuMax: NaN, memSum: 0, memCount: 0, memMax: NaN, hosts: 0 },
});

/** Each hour of the week, all hosts together; sums of slices of hosts add up, so that no question reads all of them. */
export async function fleetHours(
  ask: StorageAsk,
  tenantId: string,
  week: { slices: readonly (readonly string[])[]; startMs: number; endMs: number },
): Promise<FleetHour[]> {
  const { slices, startMs, endMs } = week;
  const hours = new Map<number, Sums>();
  for (let atMs = startMs + hourMs; atMs <= endMs; atMs += hourMs) hours.set(atMs, nothing());
  const grid = { startMs: startMs + hourMs, endMs, stepMs: hourMs };
  for (const ids of slices) {
    for (const { labels, points } of await ask.over(tenantId, questionFor(ids), grid)) {
      addAll(hours, (labels['part'] ?? 'hosts') as keyof Sums, points);
    }
  }
  return [...hours].map(([atMs, sums]) => ({
    atMs,
    ...{ cpuAvg: ratio(sums.cpuSum, sums.cpuCount), cpuMax: orNull(sums.cpuMax) },
    ...{ memAvg: ratio(sums.memSum, sums.memCount), memMax: orNull(sums.memMax) },
    hostsReporting: sums.hosts,
  }));
}

function questionFor(ids: readonly string[]): string {
  const hosts = anyOf('host_id', ids);
  const [cpu, mem] = [`cpu_utilization{${hosts}}[1h]`, `mem_used_pct{${hosts}}[1h]`];
  const parts: Record<keyof Sums, string> = {
    cpuSum: `sum(sum_over_time(${cpu}))`,
    cpuCount: `sum(count_over_time(${cpu}))`,
    cpuMax: `max(avg_over_time(${cpu}))`,
    memSum: `sum(sum_over_time(${mem}))`,
    memCount: `sum(count_over_time(${mem}))`,
    memMax: `max(avg_over_time(${mem}))`,
    hosts: `count(count by (host_id) (count_over_time(${cpu})))`,
  };
  const labelled = Object.entries(parts).map(
    ([part, query]) => `label_set(${query},"part","${part}")`,
  );
  return `union(${labelled.join(',')})`;
}

function addAll(
  hours: ReadonlyMap<number, Sums>,
  part: keyof Sums,
  points: readonly (readonly [number, number])[],
): void {
  for (const [atMs, value] of points) {
    const hour = hours.get(atMs);
    if (hour) add(hour, part, value);
  }
}

function add(hour: Sums, part: keyof Sums, value: number): void {
  if (part === 'cpuMax' || part === 'memMax') {
    hour[part] = Number.isNaN(hour[part]) ? value : Math.max(hour[part], value);
  } else {
    hour[part] += value;
  }
}

const ratio = (sum: number, count: number): number | null => (count === 0 ? null : sum / count);
const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);
