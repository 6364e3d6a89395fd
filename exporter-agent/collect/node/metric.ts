/**
 * Names that dashboards and rules written for node_exporter ask for. They are that program's names, not ours: they
 * stand in no catalog, carry `job` and `instance` as a scrape would give them, and mean what they mean there.
 * Source: prometheus/node_exporter, collector/*.go.
 */
export type NodeMetricName = `node_${string}` | `process_${string}` | 'up';

/** Whether a series gets `job` and `instance` when it is pushed. */
export function isNodeMetric(name: string): name is NodeMetricName {
  return name.startsWith('node_') || name.startsWith('process_') || name === 'up';
}

/** What a host tells: `lean` the PRP's metrics; `core` also what node-mixin and the open rows of 1860 need. */
export const profiles = ['lean', 'core', 'full'] as const;

export type Profile = (typeof profiles)[number];
