/**
 * takes: who asks, and whether it is a read or a write.
 * gives: how much of the minute's allowance is left, the same on all replicas.
 * never: counts samples, which have budgets of their own in `ingest`; refuses because Postgres is away.
 * see:   docs/rate-limits.md; PRP §8.9
 */
export { createAllowances, type Allowance, type Allowances, type Asker } from './allowances.ts';
export { createRateCounter, type RateCounter, type Spent } from './rate-counter.ts';
export type { RateWindow, RateWindowStore, Spending } from './rate-window-store.ts';
