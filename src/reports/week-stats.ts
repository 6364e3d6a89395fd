import { anyOf, type StorageAsk } from '../host-metrics/index.ts';
import type { WeekStats } from './weekly-report.ts';

const metrics = { cpu: 'cpu_utilization', mem: 'mem_used_pct', gpu: 'gpu_utilization' } as const;
type MetricKey = keyof typeof metrics;

export type HostStats = Partial<Record<MetricKey, WeekStats>>;

type Parts = Partial<Record<'sum' | 'count' | 'p95' | 'max', number>>;

/** Average, 95th percentile and maximum of each host over the seven days until `endMs`; all of its samples count. */
export async function hostStats(
  ask: StorageAsk,
  tenantId: string,
  { ids, endMs }: { ids: readonly string[]; endMs: number },
): Promise<Map<string, HostStats>> {
  const stats = new Map<string, HostStats>();
  for (const [key, name] of Object.entries(metrics) as [MetricKey, string][]) {
    const parts = await partsOf(ask, tenantId, { name, ids, endMs });
    for (const [id, { sum, count, p95, max }] of parts) {
      if (sum === undefined || count === undefined || p95 === undefined || max === undefined) {
        continue;
      }
      stats.set(id, { ...stats.get(id), [key]: { avg: sum / count, p95, max } });
    }
  }
  return stats;
}

async function partsOf(
  ask: StorageAsk,
  tenantId: string,
  { name, ids, endMs }: { name: string; ids: readonly string[]; endMs: number },
): Promise<Map<string, Parts>> {
  const week = `${name}{${anyOf('host_id', ids)}}[7d]`;
  const questions = {
    // A host whose tags changed has several series; sums and counts of them add up, averages do not.
    sum: `sum by (host_id) (sum_over_time(${week}))`,
    count: `sum by (host_id) (count_over_time(${week}))`,
    p95: `max by (host_id) (quantile_over_time(0.95, ${week}))`,
    max: `max by (host_id) (max_over_time(${week}))`,
  };
  const labelled = Object.entries(questions).map(
    ([part, query]) => `label_set(${query},"part","${part}")`,
  );
  const parts = new Map<string, Parts>();
  for (const { labels, value } of await ask.at(tenantId, `union(${labelled.join(',')})`, endMs)) {
    const id = labels['host_id'] ?? '';
    parts.set(id, { ...parts.get(id), [labels['part'] ?? '']: value });
  }
  return parts;
}
