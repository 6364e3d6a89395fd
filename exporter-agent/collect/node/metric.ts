/**
 * Names that dashboards and rules written for node_exporter ask for. They are that program's names, not ours: they
 * stand in no catalog, carry `job` and `instance` as a scrape would give them, and mean what they mean there.
 * Source: prometheus/node_exporter, collector/*.go.
 */
export type NodeMetricName = `node_${string}` | `process_${string}` | 'up' | TextfileMetricName;

declare const textfile: unique symbol;

/** Whatever a script wrote into `textfile_dir`; any name may stand there. */
type TextfileMetricName = string & { readonly [textfile]: true };

export function asTextfileName(name: string): TextfileMetricName {
  return name as TextfileMetricName;
}

const ours = /^(cpu|mem|disk|net|gpu|proc|agent|cgroup)_/;

/** Whether a series gets `job` and `instance` when it is pushed: all but the catalog's. */
export function isNodeMetric(name: string): name is NodeMetricName {
  return !ours.test(name);
}

/** What a host tells: `lean` the PRP's metrics; `core` also what node-mixin and the open rows of 1860 need. */
export const profiles = ['lean', 'core', 'full'] as const;

export type Profile = (typeof profiles)[number];

/** As node_exporter types them: what it takes over from the kernel by pattern is untyped there. */
export function kindOfNodeMetric(name: string): 'counter' | 'gauge' | 'untyped' {
  if (/^node_(netstat|vmstat)_/.test(name)) return 'untyped';
  return name.endsWith('_total') ? 'counter' : 'gauge';
}
