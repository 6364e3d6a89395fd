/**
 * takes: the meters of this process.
 * gives: them as samples of the tenant `default`, every few seconds, through a port.
 * never: waits for storage on anybody's way, tries again what was refused, is heard of twice.
 * see:   docs/operations/observability.md
 */
export {
  createOwnMetrics,
  type DescribeMetrics,
  type OwnMetrics,
  type WriteOwn,
} from './own-metrics.ts';
