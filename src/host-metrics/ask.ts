import {
  GaugewayError,
  type Clock,
  type Histogram,
  type Meters,
  sleep,
} from '../platform/index.ts';
import {
  createGate,
  scopedArguments,
  planRange,
  tierAt,
  type Part,
  type ReadFailure,
  type ReadTier,
  type StorageRead,
} from '../query/index.ts';
import type { Grid } from './resolution.ts';

/** One series of an answer; the labels are those that the question kept. */
export interface Row {
  labels: Readonly<Record<string, string>>;
  value: number;
}

export interface SeriesRow {
  labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch and the value, oldest first. */
  points: readonly (readonly [number, number])[];
}

/**
 * Questions of this product to storage, in one tenant's name. They are ours, not a client's, so they are MetricsQL and
 * as long as a page of hosts needs. Rejects with UNAVAILABLE where storage does not answer.
 */
export interface StorageAsk {
  at(tenantId: string, query: string, atMs: number): Promise<Row[]>;
  /** Each moment from the finest tier that holds its step; UNAVAILABLE names the span of a tier that does not answer. */
  over(tenantId: string, query: TierText, grid: Grid): Promise<SeriesRow[]>;
  /** Distance of the samples from which a moment is answered, milliseconds; 0 where they are as they came. */
  stepAt(tenantId: string, atMs: number): number;
}

/** The question to a tier whose samples are so far apart; where it is a text, the same to all. */
export type TierText = string | ((stepMs: number) => string);

interface Deps {
  /** Finest first: the samples as they came, then aggregates. */
  tiers: readonly ReadTier[];
  clock: Clock;
  meters: AskMeters;
  /** Who asks, for the meters. */
  asker: 'dashboard' | 'report';
  /** Questions on their way at once: storage lets those wait for which it has no core. */
  concurrency?: number;
  timeoutMs?: number;
  /** Rests after each question as long as it took, so that half of storage's time is left to others. */
  isPatient?: boolean;
}

/** One for all who ask in this process. */
export interface AskMeters {
  seconds: Histogram;
}

export function createAskMeters(meters: Meters): AskMeters {
  return {
    seconds: meters.histogram({
      name: 'gaugeway_host_metrics_storage_seconds',
      help: "Time that storage took to answer a question about hosts' metrics.",
      labelNames: ['asker', 'endpoint', 'result'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    }),
  };
}

interface Answer<R> {
  /** Said by a cluster some of whose storage is away. */
  isPartial?: boolean;
  data: { result: R[] };
}

type Answered = { metric: Record<string, string> };
type Instant = Answered & { value: [number, string] };
type Range = Answered & { values: [number, string][] };

/** Storage hides the newest 30 s unless told otherwise (field/ingest-and-query §5.2). */
const showNewest = ['latency_offset', '1ms'] as const;

export function createStorageAsk(deps: Deps): StorageAsk {
  const { tiers, clock, concurrency = 32, timeoutMs = 10_000 } = deps;
  const gate = createGate({ total: concurrency, perTenant: concurrency, waitingPerTenant: 1_000 });

  async function ask<R>(
    tenantId: string,
    { reader }: Pick<ReadTier, 'reader'>,
    endpoint: (StorageRead & { endpoint: 'query' | 'query_range' })['endpoint'],
    args: Parameters<typeof scopedArguments>[1],
  ): Promise<R[]> {
    const turn = await gate.run(tenantId, async () => {
      const startedMs = clock.monotonicMs();
      // Of all that is asked here each row is of one host, which is in one storage.
      const read = { endpoint, across: { kind: 'union' } } as const;
      const outcome = await reader.read(read, scopedArguments(tenantId, args), { timeoutMs });
      const result = outcome.ok ? 'ok' : outcome.reason;
      const tookMs = clock.monotonicMs() - startedMs;
      deps.meters.seconds.observe({ asker: deps.asker, endpoint, result }, tookMs / 1_000);
      if (deps.isPatient) await sleep(tookMs);
      return outcome;
    });
    if (!turn.admitted) throw unavailable('too many questions are waiting');
    if (!turn.value.ok) throw toError(turn.value);
    const { isPartial, data } = JSON.parse(turn.value.body.toString('utf8')) as Answer<R>;
    // A host that is missing for a while would be shown as one that is gone.
    if (isPartial === true) throw unavailable('storage answered with a part of the data only');
    return data.result;
  }

  const planOf = (tenantId: string, backMs: number) => ({
    ...{ tenantId, reach: { backMs, pinnedMs: Infinity, widthMs: backMs }, nowMs: clock.nowMs() },
  });

  async function overPart(
    tenantId: string,
    query: TierText,
    { tier, grid }: Part,
  ): Promise<SeriesRow[]> {
    const text = typeof query === 'string' ? query : query(tier.stepMs);
    const args = rangeArguments(text, grid, timeoutMs);
    return (await ask<Range>(tenantId, tier, 'query_range', args)).map(toSeriesRow);
  }

  return {
    async at(tenantId, query, atMs) {
      const args = [
        ['query', query],
        ['time', String(atMs / 1_000)],
        ['timeout', `${timeoutMs}ms`],
        ['nocache', '1'],
        showNewest,
      ] as const;
      const rows = await ask<Instant>(tenantId, rawOf(tiers), 'query', args);
      return rows.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async over(tenantId, query, grid) {
      const parts = planRange(tiers, grid, planOf(tenantId, grid.stepMs));
      return stitched(await Promise.all(parts.map((part) => overPart(tenantId, query, part))));
    },
    stepAt: (tenantId, atMs) => tierAt(tiers, atMs, planOf(tenantId, 0)).stepMs,
  };
}

function rangeArguments(text: string, { startMs, endMs, stepMs }: Grid, timeoutMs: number) {
  return [
    ['query', text],
    ['start', String(startMs / 1_000)],
    ['end', String(endMs / 1_000)],
    ['step', `${stepMs}ms`],
    ['timeout', `${timeoutMs}ms`],
    ['nocache', '1'],
    showNewest,
  ] as const;
}

const toSeriesRow = ({ metric, values }: Range): SeriesRow => ({
  labels: metric,
  points: values.map(([at, text]) => [Math.round(at * 1_000), Number(text)] as const),
});

function rawOf([raw]: readonly ReadTier[]): ReadTier {
  if (!raw) throw new Error('questions need a storage');
  return raw;
}

/** The parts of a range, oldest first, as one row for each series. */
function stitched(parts: readonly SeriesRow[][]): SeriesRow[] {
  const [only = []] = parts;
  if (parts.length <= 1) return only;
  const rows = new Map<string, SeriesRow>();
  for (const row of parts.flat()) {
    const key = JSON.stringify(Object.entries(row.labels).sort());
    const known = rows.get(key);
    rows.set(key, known ? { ...known, points: [...known.points, ...row.points] } : row);
  }
  return [...rows.values()];
}

function toError(read: ReadFailure): Error {
  // A fault of the question, which is ours: for the log, and for nobody else.
  if (read.reason === 'refused') return new Error(`storage refused: ${read.message}`);
  return unavailable(`storage: ${read.message}`);
}

function unavailable(message: string): GaugewayError {
  return new GaugewayError('UNAVAILABLE', message, {
    details: { part: 'storage' },
    retryAfterSeconds: 1,
  });
}
