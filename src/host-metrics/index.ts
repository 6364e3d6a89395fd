/**
 * takes: a tenant, its hosts, and names of the catalog.
 * gives: the figures of many hosts by one question to storage, and series of one host in a stated resolution.
 * never: asks storage once per host; answers without saying its resolution.
 * see:   PRP §8.2–8.3; design/contract "Ranges and resolution"
 */
export { createAskMeters, createStorageAsk, type AskMeters, type StorageAsk } from './ask.ts';
export {
  createFigures,
  trackedMetrics,
  type Figures,
  type FiguresReader,
  type TrackedMetric,
} from './figures.ts';
export { createHostSeries, type HostSeries, type MetricSeries, type Point } from './series.ts';
export { anyOf } from './selector.ts';
export { aggregates, gridOf, ranges, spanMs, type Aggregate, type Span } from './resolution.ts';
