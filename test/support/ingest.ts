import type { Accept, Batch, ForwardOutcome } from '../../src/forward/index.ts';
import {
  createIngest,
  createWhitelist,
  type HaStore,
  type Ingest,
  type IngestConfig,
  type IngestPolicy,
  type KeptExemplar,
  type MetadataRow,
  type Rejection,
  type Sender,
} from '../../src/ingest/index.ts';
import { createMeters, silentLogger, type Clock, type Meters } from '../../src/platform/index.ts';
import { encodeWriteRequest, type Label, type Series } from '../../src/wire/index.ts';
import { snappy, unsnappy } from './snappy.ts';
import { decodeByReference } from './write-requests.ts';

export const nowMs = 1_760_000_000_000;

/** A clock that stands still until it is moved. */
export function stillClock(atMs = nowMs): Clock & { move: (ms: number) => void } {
  let now = atMs;
  return { nowMs: () => now, monotonicMs: () => now - atMs, move: (ms) => void (now += ms) };
}

const config: IngestConfig = {
  maxDecodedBytes: 1 << 20,
  maxSeriesPerRequest: 1_000,
  maxInflightBytes: 8 << 20,
  maxInflightRequests: 16,
  maxInflightPerTenant: 8,
  maxLabels: 30,
  maxLabelNameBytes: 64,
  maxLabelValueBytes: 256,
  haClusterLabel: 'cluster',
  haReplicaLabel: '__replica__',
  haFailoverMs: 30_000,
  shardTag: 'zone',
  repeatMemory: 100,
};

const policy: IngestPolicy = {
  samplesPerSecond: 1_000_000,
  burstSamples: 1_000_000,
  maxActiveSeries: 100_000,
  maxMetricNames: 10_000,
  maxLabels: 30,
  maxLabelNameBytes: 256,
  maxLabelValueBytes: 1_024,
  timestampPastMs: 3_600_000,
  timestampFutureMs: 300_000,
};

export const sender: Sender = {
  tenantId: 'acme',
  keyId: 'k1',
  keyName: 'prometheus',
  whitelistMode: 'reject',
};

/** Elects the first replica that asks, in memory, as one statement in Postgres does. */
export function memoryHaStore(): HaStore & { isDown: boolean; claims: number } {
  const leaders = new Map<string, Awaited<ReturnType<HaStore['claim']>>>();
  const store = {
    isDown: false,
    claims: 0,
    async claim(claim: Parameters<HaStore['claim']>[0]) {
      await Promise.resolve();
      store.claims += 1;
      if (store.isDown) throw new Error('the database is away');
      const { tenantId, cluster, replica, nowMs: at, staleBeforeMs } = claim;
      const key = `${tenantId} ${cluster}`;
      const leader = leaders.get(key);
      if (leader && (leader.replica === replica || leader.receivedAtMs >= staleBeforeMs)) {
        if (leader.replica === replica) leader.receivedAtMs = at;
        return { ...leader };
      }
      const next = { tenantId, cluster, replica, electedAtMs: at, receivedAtMs: at };
      leaders.set(key, next);
      return { ...next };
    },
    refresh(alive: readonly Awaited<ReturnType<HaStore['claim']>>[]) {
      if (store.isDown) return Promise.reject(new Error('the database is away'));
      for (const one of alive) {
        const leader = leaders.get(`${one.tenantId} ${one.cluster}`);
        if (leader?.replica !== one.replica) continue;
        leader.receivedAtMs = Math.max(leader.receivedAtMs, one.receivedAtMs);
      }
      return Promise.resolve();
    },
    list: (tenantId: string) =>
      Promise.resolve([...leaders.values()].filter((leader) => leader.tenantId === tenantId)),
  };
  return store;
}

export interface TestIngest {
  ingest: Ingest;
  clock: ReturnType<typeof stillClock>;
  meters: Meters;
  /** Everything that was forwarded, in order. */
  batches: Batch[];
  ledger: Rejection[];
  exemplars: KeptExemplar[];
  metadata: MetadataRow[];
  ha: HaStore;
  /** What the next forwards answer; `accepted` when empty. */
  answers: (ForwardOutcome | Promise<ForwardOutcome> | Error)[];
  write: (series: readonly Series[], from?: Partial<Sender>) => ReturnType<Ingest['write']>;
  /** A counter or gauge by its exposition line's beginning. */
  meter: (line: string) => Promise<number>;
}

interface Options {
  config?: Partial<IngestConfig>;
  policy?: Partial<IngestPolicy>;
  allowed?: readonly string[];
  tags?: Record<string, string>;
  ha?: HaStore;
  clock?: ReturnType<typeof stillClock>;
}

/** The ingest room with fakes around it: what it forwards is kept, what it stores is an array. */
export function testIngest(options: Options = {}): TestIngest {
  const batches: Batch[] = [];
  const answers: TestIngest['answers'] = [];
  const clock = options.clock ?? stillClock();
  const meters = createMeters();
  const ledger: Rejection[] = [];
  const exemplars: KeptExemplar[] = [];
  const metadata: MetadataRow[] = [];
  const ha = options.ha ?? memoryHaStore();
  const into =
    <T>(rows: T[]) =>
    (more: readonly T[]) => {
      rows.push(...more);
      return Promise.resolve();
    };
  const accept: Accept = (batch) => {
    batches.push(batch);
    const answer = answers.shift() ?? { kind: 'accepted' as const };
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const ingest = createIngest({
    config: { ...config, ...options.config },
    accept,
    whitelistOf: () =>
      createWhitelist({ version: 1, exact: options.allowed ?? ['up'], patterns: ['good_.*'] }),
    policyOf: () => ({ ...policy, ...options.policy }),
    tagsOf: () => options.tags,
    resolveMetric: (name) =>
      name === 'cpu.utilization' ? { name: 'good_cpu', labels: [] } : undefined,
    stores: {
      ha,
      ledger: { add: into(ledger) },
      exemplars: { add: into(exemplars) },
      metadata: { upsert: into(metadata) },
    },
    clock,
    log: silentLogger,
    meters,
  });
  return {
    ...{ ingest, clock, meters, batches, ledger, exemplars, metadata, ha, answers },
    write: (series, from = {}) =>
      ingest.write({ ...sender, ...from }, 1, [snappy(encodeWriteRequest(series))]),
    async meter(line) {
      const found = (await meters.text()).split('\n').find((one) => one.startsWith(line));
      return Number(found?.slice(found.lastIndexOf(' ') + 1) ?? 0);
    },
  };
}

/** A series of one sample now; labels sorted. */
export function series(name: string, labels: Record<string, string> = {}, atMs = nowMs): Series {
  const all: Label[] = Object.entries({ ...labels, ...(name === '' ? {} : { __name__: name }) });
  return {
    labels: all.sort(([a], [b]) => (a < b ? -1 : 1)),
    samples: [{ value: 1, timestampMs: atMs }],
  };
}

/** What a batch holds, by the reference decoder: labels as text, and samples. */
export function stored(
  batch: Batch | undefined,
): { labels: string; samples: [number, number][] }[] {
  if (!batch) return [];
  return decodeByReference(unsnappy(Buffer.concat(batch.body))).timeseries.map((one) => ({
    labels: one.labels.map(({ name, value }) => `${name}=${value}`).join(','),
    samples: one.samples.map(({ value, timestamp }) => [value, timestamp]),
  }));
}
