/** What one tenant used within one hour. */
export interface UsageRow {
  tenantId: string;
  /** The hour's beginning, milliseconds since the epoch. */
  hourMs: number;
  samples: number;
  refusedSamples: number;
  /** Bodies as posted, compressed. */
  bytesWritten: number;
  /** Questions that reached storage, and the bytes of its answers. */
  queries: number;
  bytesRead: number;
  /** The most of the hour, at one gateway. */
  activeSeries: number;
  metricNames: number;
}

export interface TenantLoad {
  tenantId: string;
  activeSeries: number;
  metricNames: number;
}

export type BudgetName = 'samples_per_second' | 'active_series' | 'metric_names';

export interface BudgetLimits {
  samplesPerSecond: number;
  maxActiveSeries: number;
  maxMetricNames: number;
}
