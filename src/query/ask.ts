import type { Clock } from '../platform/index.ts';
import type { AnswerCache } from './cache.ts';
import type { Gate } from './gate.ts';
import type { QueryMeters } from './meters.ts';
import { failure, fromReadFailure, type QueryOutcome } from './outcome.ts';
import type { StorageRead } from './series-reader.ts';
import { scopedArguments, type StorageArguments } from './tenancy.ts';
import type { ReadTier } from './tiers/tier.ts';

export interface QueryLimits {
  /** Points per series of one range query, as in Prometheus. */
  maxPoints: number;
  /** Evaluations that the subqueries of one point may ask for. */
  maxSubquerySteps: number;
  /** Deadline of one query, milliseconds. */
  timeoutMs: number;
  /** `match[]` arguments of one request. */
  maxSelectors: number;
}

/** What the endpoints of this room share. */
export interface QueryDeps {
  /** Finest first; the first has the samples as they came. */
  tiers: readonly ReadTier[];
  cache: AnswerCache;
  gate: Gate;
  clock: Clock;
  meters: QueryMeters;
  limits: QueryLimits;
}

export interface Question {
  tenantId: string;
  read: StorageRead;
  args: StorageArguments;
  timeoutMs: number;
  /** Storage's body as the client is to see it. */
  shape: (body: Buffer) => Buffer;
  /** Whom to ask; the samples as they came where it is not said. */
  tier?: ReadTier;
  /** What distinguishes this question for the cache; tenant, tier and read are added here. */
  key: string;
}

/** Cache, turn, storage, shape: the one way from an endpoint to storage. */
export function askStorage(deps: QueryDeps, question: Question): Promise<QueryOutcome> {
  const { tenantId, read, key, timeoutMs, tier } = question;
  const label = read.endpoint === 'label_values' ? read.label : '';
  const cacheKey = [tenantId, tier?.name ?? 'raw', read.endpoint, label, timeoutMs, key].join('\0');
  return deps.cache.get(cacheKey, async () => {
    const turn = await deps.gate.run(tenantId, () => readOnce(deps, question));
    if (turn.admitted) return turn.value;
    deps.meters.refused('busy');
    return failure('unavailable', 'too many queries of this tenant are waiting');
  });
}

async function readOnce(deps: QueryDeps, question: Question): Promise<QueryOutcome> {
  const { tenantId, read, args, timeoutMs, shape } = question;
  const started = deps.clock.monotonicMs();
  const { reader } = question.tier ?? rawTier(deps);
  const outcome = await reader.read(read, scopedArguments(tenantId, args), { timeoutMs });
  const seconds = (deps.clock.monotonicMs() - started) / 1000;
  deps.meters.storage(read.endpoint, outcome.ok ? 'ok' : outcome.reason, seconds);
  return outcome.ok ? { ok: true, body: shape(outcome.body) } : fromReadFailure(outcome);
}

export function rawTier({ tiers: [raw] }: Pick<QueryDeps, 'tiers'>): ReadTier {
  if (!raw) throw new Error('queries need a storage');
  return raw;
}

/** How far back anything is kept. */
export const longestKeptMs = ({ tiers }: Pick<QueryDeps, 'tiers'>, tenantId: string): number =>
  Math.max(...tiers.map((tier) => tier.keptMs(tenantId)));

/** Seconds with milliseconds, as storage reads times. */
export function seconds(ms: number): string {
  // Without zeros at the end: VictoriaMetrics 1.145 reads `4.000` as 4,000 s.
  return String(ms / 1000);
}
