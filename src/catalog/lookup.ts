import { agentMetrics } from './agent.ts';
import { cgroupMetrics } from './cgroup.ts';
import { cpuMetrics } from './cpu.ts';
import { diskMetrics } from './disk.ts';
import { gpuMetrics } from './gpu.ts';
import { memoryMetrics } from './memory.ts';
import type { Metric } from './metric.ts';
import { networkMetrics } from './network.ts';
import { processMetrics } from './process.ts';

const table = [
  ...cpuMetrics,
  ...memoryMetrics,
  ...gpuMetrics,
  ...diskMetrics,
  ...networkMetrics,
  ...processMetrics,
  ...cgroupMetrics,
  ...agentMetrics,
];

/** A PromQL name of the catalog, as a type: a collector cannot emit any other. */
export type MetricName = (typeof table)[number]['name'];

/** Every metric of the product, by subject. */
export const catalogMetrics: readonly Metric[] = table;

/** All PromQL names. */
export const metricNames: ReadonlySet<string> = new Set(table.map((metric) => metric.name));

const byName: ReadonlyMap<string, Metric> = new Map(table.map((metric) => [metric.name, metric]));
const byApiName: ReadonlyMap<string, Metric> = new Map(
  table.map((metric) => [metric.apiName, metric]),
);
const coreName = /^cpu\.core\.(\d{1,5})$/;

export interface ApiNameMatch {
  metric: Metric;
  /** What the API name itself says about labels: `cpu.core.3` → `{core: '3'}`. */
  labels: Readonly<Record<string, string>>;
}

/** Resolves a dotted name of the API, also the numbered `cpu.core.3`. */
export function resolveApiName(apiName: string): ApiNameMatch | undefined {
  const core = coreName.exec(apiName)?.[1];
  const metric = byApiName.get(core === undefined ? apiName : 'cpu.core.N');
  if (metric === undefined) return undefined;
  return { metric, labels: core === undefined ? {} : { core: String(Number(core)) } };
}

/** The metric of a dotted API name; `resolveApiName` also gives the labels the name implies. */
export function findByApiName(apiName: string): Metric | undefined {
  return resolveApiName(apiName)?.metric;
}

/** The metric of a PromQL name. */
export function findByName(name: string): Metric | undefined {
  return byName.get(name);
}
