/**
 * takes: nothing.
 * gives: the one table of metric names, units, labels and sources, and the look-ups over it.
 * never: imports a room; holds a name that is spelled a second time elsewhere.
 * see:   design "Metric names" in ARCHITECTURE.md; PRP REQ-METRIC-002
 */
export {
  catalogMetrics,
  findByApiName,
  findByName,
  metricNames,
  resolveApiName,
  type ApiNameMatch,
  type MetricName,
} from './lookup.ts';
export type { Metric } from './metric.ts';
