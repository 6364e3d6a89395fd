/**
 * takes: a tenant and a client's arguments, as Prometheus's HTTP API defines them.
 * gives: Prometheus's answers as bytes, or the reason why there is none.
 * never: passes a client's text or argument to storage as it came; reads without exactly one tenant.
 * see:   docs/adr/0005-where-tenancy-is-enforced.md
 */
export { createQuery, defaultQueryConfig, type Query, type QueryConfig } from './query.ts';
export { ruleQuery } from './expression.ts';
export { createGate } from './gate.ts';
export type { QueryErrorType, QueryFailure, QueryOutcome } from './outcome.ts';
export { scopedArguments, tenantLabel } from './tenancy.ts';
export type {
  ReadFailure,
  ReadOptions,
  ReadOutcome,
  SeriesReader,
  StorageRead,
} from './series-reader.ts';
export type {
  Exemplar,
  ExemplarReader,
  ExemplarSeries,
  MetadataEntry,
  MetadataReader,
} from './ports.ts';
export { planRange, tierAt, type Part } from './tiers/plan.ts';
export type { Across } from './spread/spread.ts';
export type { ReadTier, TierName } from './tiers/tier.ts';
export { walk, type Expr, type Matcher } from './promql/ast.ts';
export { formatDuration, quote } from './promql/literals.ts';
export { parsePromql, parseSelector } from './promql/parser.ts';
