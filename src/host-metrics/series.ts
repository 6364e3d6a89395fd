import type { Metric } from '../catalog/index.ts';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { StorageAsk } from './ask.ts';
import { metricNamed } from './names.ts';
import { gridOf, type Aggregate, type Grid, type Span } from './resolution.ts';
import { selectorOf } from './selector.ts';

/** Milliseconds since the epoch, and the value in the metric's unit. */
export type Point = readonly [number, number];

export interface MetricSeries {
  /** The catalog's dotted name. */
  metric: string;
  unit: string;
  points: readonly Point[];
  resolution: string;
  stepMs: number;
  startMs: number;
  endMs: number;
  /** What stands for the samples of a step. */
  aggregate: Aggregate | 'last';
  /** How series that differ in labels (disks, GPUs, devices) became one. */
  combined: 'sum' | 'max';
}

export interface HostSeries {
  /** Throws BAD_REQUEST for an unknown metric or label, or a span that is none. */
  metric(tenantId: string, hostId: string, asked: MetricQuestion): Promise<MetricSeries>;
  /** The overview metrics of one host by one question; those without samples have no points. */
  overview(tenantId: string, hostId: string, span: Span): Promise<HostOverview>;
}

export interface MetricQuestion {
  metric: string;
  span: Span;
  labels?: Readonly<Record<string, string>>;
  aggregate?: Aggregate;
}

export interface HostOverview {
  metrics: Readonly<Record<string, readonly Point[]>>;
  resolution: string;
}

/** What a host's page shows (PRP §8.2). */
const overviewMetrics = [
  'cpu.utilization',
  'mem.used_pct',
  'gpu.utilization',
  'disk.used_pct',
  'net.tx_mbps',
  'net.rx_mbps',
] as const;

/** The labels that the API names otherwise than the agent (PRP §7.1). */
const labelAliases: Readonly<Record<string, string>> = { gpu_index: 'gpu' };
const summedUnits = new Set(['MB/s', 'Mbit/s', 'MiB', 'W', 'ops/s', 'packets/s', 'sockets']);

export function createHostSeries({ ask, clock }: { ask: StorageAsk; clock: Clock }): HostSeries {
  return {
    async metric(tenantId, hostId, { metric: name, span, labels = {}, aggregate = 'avg' }) {
      const { metric, labels: implied } = metricNamed(name);
      const { grid, resolution } = gridOf(span, clock.nowMs(), (at) => ask.stepAt(tenantId, at));
      const matchers = { host_id: hostId, ...implied, ...knownLabels(metric, labels) };
      const query = (apartMs: number): string =>
        queryOf(metric, { matchers, grid, resolution, aggregate, apartMs });
      const rows = await ask.over(tenantId, query, grid);
      return {
        metric: name,
        unit: metric.unit,
        points: rows[0]?.points ?? [],
        ...{ resolution, ...grid },
        aggregate: aggregateOf(metric, resolution, aggregate),
        combined: combinationOf(metric),
      };
    },
    async overview(tenantId, hostId, span) {
      const { grid, resolution } = gridOf(span, clock.nowMs(), (at) => ask.stepAt(tenantId, at));
      const matchers = { host_id: hostId };
      const query = (apartMs: number): string => {
        const parts = overviewMetrics.map((name) => {
          const { metric } = metricNamed(name);
          const shape = { matchers, grid, resolution, aggregate: 'avg', apartMs } as const;
          return `label_set(${queryOf(metric, shape)},"metric","${name}")`;
        });
        return `union(${parts.join(',')})`;
      };
      const rows = await ask.over(tenantId, query, grid);
      const byName = new Map(rows.map(({ labels, points }) => [labels['metric'], points]));
      const metrics = overviewMetrics.map((name) => [name, byName.get(name) ?? []] as const);
      return { metrics: Object.fromEntries(metrics), resolution };
    },
  };
}

interface Shape {
  matchers: Readonly<Record<string, string>>;
  grid: Grid;
  resolution: string;
  aggregate: Aggregate;
  /** Distance of the samples, milliseconds; 0 where they are as they came. */
  apartMs: number;
}

function queryOf(metric: Metric, shape: Shape): string {
  const { matchers, grid, resolution, apartMs } = shape;
  const combined = combinationOf(metric);
  const over = aggregateOf(metric, resolution, shape.aggregate);
  const of = (suffix: string): string => selectorOf(metric.name + suffix, matchers);
  const window = `[${grid.stepMs}ms]`;
  if (over === 'last') return `${combined}(${of('')})`;
  if (apartMs === 0) return `${combined}(${over}_over_time(${of('')}${window}))`;
  // Aggregates of windows (docs/tiers.md).
  if (over !== 'avg') return `${combined}(${over}_over_time(${of(`:${over}`)}${window}))`;
  const sums = `sum_over_time((${of('')} * ${of(':count')})[${grid.stepMs}ms:${apartMs}ms])`;
  return `${combined}(${sums} / sum_over_time(${of(':count')}${window}))`;
}

/** A counter's average says nothing; at 5 s there is one sample in a step. */
function aggregateOf(metric: Metric, resolution: string, wanted: Aggregate): Aggregate | 'last' {
  return metric.kind === 'counter' || resolution === '5s' ? 'last' : wanted;
}

function combinationOf({ kind, unit }: Metric): 'sum' | 'max' {
  return kind === 'counter' || summedUnits.has(unit) ? 'sum' : 'max';
}

function knownLabels(
  metric: Metric,
  labels: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries(labels).map(([name, value]) => {
    const known = labelAliases[name] ?? name;
    if (metric.labels.includes(known)) return [known, value] as const;
    const has = metric.labels.length === 0 ? 'has none' : `has ${metric.labels.join(', ')}`;
    throw new GaugewayError('BAD_REQUEST', `${metric.apiName} has no such label: it ${has}`, {
      details: { reason: 'unknown_label', labels: metric.labels },
    });
  });
  return Object.fromEntries(entries);
}
