import { systemClock, type Clock, type Meters } from '../platform/index.ts';
import type { QueryDeps, QueryLimits } from './ask.ts';
import { createAnswerCache } from './cache.ts';
import { exemplarList } from './exemplars.ts';
import { federate } from './federate.ts';
import { createGate, type GateLimits } from './gate.ts';
import { instantQuery } from './instant.ts';
import { labelNames, labelValues } from './labels.ts';
import { metadataList } from './metadata.ts';
import { createQueryMeters } from './meters.ts';
import { outcomeOf, success, type QueryOutcome } from './outcome.ts';
import { parsed, scalar, type Arguments } from './params.ts';
import type { ExemplarReader, MetadataReader } from './ports.ts';
import { parsePromql } from './promql/parser.ts';
import { prettyPromql } from './promql/print.ts';
import { toTree } from './promql/tree.ts';
import { rangeQuery } from './range.ts';
import { seriesList } from './series.ts';
import type { ReadTier } from './tiers/tier.ts';
import { tsdbStatus } from './tsdb.ts';

export interface QueryConfig {
  limits: QueryLimits;
  concurrency: GateLimits;
  cache: { ttlMs: number; maxBytes: number };
}

export const defaultQueryConfig: QueryConfig = {
  limits: { maxPoints: 11_000, maxSubquerySteps: 100_000, timeoutMs: 30_000, maxSelectors: 64 },
  concurrency: { total: 16, perTenant: 4, waitingPerTenant: 100 },
  cache: { ttlMs: 1000, maxBytes: 64 * 1024 * 1024 },
};

type Ask = (tenantId: string, args: Arguments) => Promise<QueryOutcome>;

/** Prometheus's questions, each in the name of one tenant; answers are whole JSON bodies. */
export interface Query {
  instant: Ask;
  range: Ask;
  labelNames: Ask;
  labelValues: (tenantId: string, label: string, args: Arguments) => Promise<QueryOutcome>;
  series: Ask;
  metadata: Ask;
  exemplars: Ask;
  tsdb: Ask;
  /** Exposition text instead of JSON. */
  federate: Ask;
  formatQuery: (args: Arguments) => Promise<QueryOutcome>;
  parseQuery: (args: Arguments) => Promise<QueryOutcome>;
}

export function createQuery(deps: {
  /** Finest first: the samples as they came, then aggregates. */
  tiers: readonly ReadTier[];
  metadata: MetadataReader;
  exemplars: ExemplarReader;
  meters: Meters;
  clock?: Clock;
  config?: QueryConfig;
}): Query {
  const { tiers, clock = systemClock, config = defaultQueryConfig } = deps;
  const meters = createQueryMeters(deps.meters);
  const shared: QueryDeps = {
    tiers,
    clock,
    meters,
    limits: config.limits,
    gate: createGate(config.concurrency),
    cache: createAnswerCache({ ...config.cache, clock, meters }),
  };
  const endpoint =
    (ask: (deps: QueryDeps, tenantId: string, args: Arguments) => Promise<QueryOutcome>): Ask =>
    (tenantId, args) =>
      outcomeOf(async () => await ask(shared, tenantId, args));
  const expression = (args: Arguments) => parsed('query', scalar(args, 'query') ?? '', parsePromql);
  return {
    instant: endpoint(instantQuery),
    range: endpoint(rangeQuery),
    labelNames: endpoint(labelNames),
    labelValues: (tenantId, label, args) =>
      outcomeOf(() => labelValues(shared, { tenantId, label, args })),
    series: endpoint(seriesList),
    tsdb: endpoint(tsdbStatus),
    federate: endpoint(federate),
    metadata: (tenantId, args) => outcomeOf(() => metadataList(deps.metadata, tenantId, args)),
    exemplars: (tenantId, args) => outcomeOf(() => exemplarList(deps.exemplars, tenantId, args)),
    formatQuery: (args) =>
      outcomeOf(() => Promise.resolve().then(() => success(prettyPromql(expression(args))))),
    parseQuery: (args) =>
      outcomeOf(() => Promise.resolve().then(() => success(toTree(expression(args))))),
  };
}
