/**
 * takes: what tenants send and ask, by number, and orders to delete one.
 * gives: each tenant's usage by the hour beside its budgets, and deletions that are carried out and proven.
 * never: decides who may ask, knows HTTP, SQL or VictoriaMetrics, says "done" without having counted again.
 * see:   docs/tenants.md
 */
export { createRemovals, type Removals } from './removals.ts';
export { createRemovalWorker, type RemovalWorker } from './removal-worker.ts';
export type { Removal, RemovalStore, TenantFiles, TenantSeries } from './removal.ts';
export type { TenantLoad, UsageRow } from './figures.ts';
export { createUsage, type Usage, type UsageReport, type UsageStore } from './usage.ts';
