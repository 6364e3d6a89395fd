import { findByName } from '../../src/catalog/index.ts';
import { isNodeMetric } from '../collect/node/metric.ts';

/** What remote write 2.0 tells of a metric beside its samples. */
export interface MetricMetadata {
  kind: 'gauge' | 'counter';
  unit: string;
  help: string;
}

/** From the catalog. Names of node_exporter are not in it: of them the name itself says what they are. */
export function metadataOf(name: string): MetricMetadata | undefined {
  if (!isNodeMetric(name)) return findByName(name);
  return { kind: name.endsWith('_total') ? 'counter' : 'gauge', unit: '', help: '' };
}
