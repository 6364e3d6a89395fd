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
  type ReadFailure,
  type SeriesReader,
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
  over(tenantId: string, query: string, grid: Grid): Promise<SeriesRow[]>;
}

interface Deps {
  reader: SeriesReader;
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

type Answered = { metric: Record<string, string> };
type Instant = Answered & { value: [number, string] };
type Range = Answered & { values: [number, string][] };

/** Storage hides the newest 30 s unless told otherwise (field/ingest-and-query §5.2). */
const showNewest = ['latency_offset', '1ms'] as const;

export function createStorageAsk(deps: Deps): StorageAsk {
  const { reader, clock, concurrency = 32, timeoutMs = 10_000 } = deps;
  const gate = createGate({ total: concurrency, perTenant: concurrency, waitingPerTenant: 1_000 });

  async function ask<R>(
    tenantId: string,
    endpoint: (StorageRead & { endpoint: 'query' | 'query_range' })['endpoint'],
    args: Parameters<typeof scopedArguments>[1],
  ): Promise<R[]> {
    const turn = await gate.run(tenantId, async () => {
      const startedMs = clock.monotonicMs();
      const outcome = await reader.read({ endpoint }, scopedArguments(tenantId, args), {
        timeoutMs,
      });
      const result = outcome.ok ? 'ok' : outcome.reason;
      const tookMs = clock.monotonicMs() - startedMs;
      deps.meters.seconds.observe({ asker: deps.asker, endpoint, result }, tookMs / 1_000);
      if (deps.isPatient) await sleep(tookMs);
      return outcome;
    });
    if (!turn.admitted) throw unavailable('too many questions are waiting');
    if (!turn.value.ok) throw toError(turn.value);
    return (JSON.parse(turn.value.body.toString('utf8')) as { data: { result: R[] } }).data.result;
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
      const rows = await ask<Instant>(tenantId, 'query', args);
      return rows.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async over(tenantId, query, { startMs, endMs, stepMs }) {
      const args = [
        ['query', query],
        ['start', String(startMs / 1_000)],
        ['end', String(endMs / 1_000)],
        ['step', `${stepMs}ms`],
        ['timeout', `${timeoutMs}ms`],
        ['nocache', '1'],
        showNewest,
      ] as const;
      const rows = await ask<Range>(tenantId, 'query_range', args);
      return rows.map(({ metric, values }) => ({
        labels: metric,
        points: values.map(([at, text]) => [Math.round(at * 1_000), Number(text)] as const),
      }));
    },
  };
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
