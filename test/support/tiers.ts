import { join } from 'node:path';
import { tierStoreOf } from '../../src/app/tiers.ts';
import { startVictoria, type ManagedVictoria } from '../../src/managed/index.ts';
import { createMeters, silentLogger, systemClock } from '../../src/platform/index.ts';
import {
  createRetentionMeters,
  maxVersion,
  sliceMs,
  tierFlags,
  type AggregateTier,
  type SliceStore,
} from '../../src/retention/index.ts';
import type { DownsamplerDeps } from '../../src/retention/downsampler.ts';
import { Round } from '../../src/retention/round.ts';
import { createLeases, createSliceStore, type Postgres } from '../../src/storage/postgres/index.ts';
import {
  createRawSource,
  createSeriesWriter,
  createVictoriaClient,
  type VictoriaTarget,
} from '../../src/storage/victoria/index.ts';
import { encodeWriteRequest, type Series } from '../../src/wire/index.ts';
import { snappy } from './snappy.ts';
import { until, type Stage } from './stage.ts';

export const hourMs = 3_600_000;
/** What workers take for now: an hour that ends during a test is not due in it. */
export const heldMs = Date.now();

/** The held time, so many hours later. */
export const clockAfter = (hours: number) => ({
  ...systemClock,
  nowMs: () => heldMs + hours * hourMs,
});

/** One VictoriaMetrics as a tier is run. */
export async function startTier(
  stage: Stage,
  tier: AggregateTier | 'raw',
  retention = '30d',
): Promise<ManagedVictoria> {
  const victoria = await startVictoria({
    ...{ name: tier, log: silentLogger, retention },
    dataDir: join(stage.directory(), tier),
    ...(tier === 'raw' ? {} : { flags: tierFlags(tier) }),
  });
  stage.onEnd(() => victoria.stop());
  return victoria;
}

/** How the product is told of a tier. */
export function tierEnvironment(tier: '1m' | '5m', target: VictoriaTarget): Record<string, string> {
  const prefix = `GAUGEWAY_VICTORIA_${tier.toUpperCase()}`;
  return {
    [`${prefix}_URL`]: target.baseUrl,
    [`${prefix}_USERNAME`]: target.username ?? '',
    [`${prefix}_PASSWORD`]: target.password ?? '',
    [`${prefix}_METRICS_AUTH_KEY`]: target.authKeys?.metrics ?? '',
    [`${prefix}_FORCE_FLUSH_AUTH_KEY`]: target.authKeys?.forceFlush ?? '',
  };
}

/** A raw storage and both tiers, and what tests ask of them. */
export async function startTiers(stage: Stage) {
  const [raw, one, five] = await Promise.all([
    startTier(stage, 'raw'),
    startTier(stage, '1m'),
    startTier(stage, '5m'),
  ]);
  const client = createVictoriaClient(raw.target);
  stage.onEnd(() => client.close());
  const stores = new Map(
    ([['1m', one] as const, ['5m', five] as const] as const).map(([tier, { target }]) => {
      const { store, close } = tierStoreOf(tier, target);
      stage.onEnd(close);
      return [tier, store] as [AggregateTier, typeof store];
    }),
  );
  const writer = createSeriesWriter(client);
  return {
    raw,
    tiers: { '1m': one, '5m': five },
    stores,
    source: createRawSource(client),
    async write(tenantId: string, series: readonly Series[]): Promise<void> {
      for (let at = 0; at < series.length; at += 50) {
        const body = snappy(encodeWriteRequest(series.slice(at, at + 50)));
        const { kind } = await writer.write([['tenant', tenantId]], body);
        if (kind !== 'written') throw new Error(kind);
      }
      await writer.makeVisible();
      const { labels, samples } = series[0]!;
      const name = labels.find(([label]) => label === '__name__')![1];
      await until('what was written can be read', async () => {
        const found = await ask(raw.target, tenantId, name, samples.at(-1)!.timestampMs);
        return found.length > 0;
      });
    },
  };
}

export type TierStage = Awaited<ReturnType<typeof startTiers>>;

let holders = 0;

/** A worker of its own over these stores. */
export function workerOf(
  stage: TierStage,
  postgres: Postgres,
  options: Partial<DownsamplerDeps> & { tenantId: string },
): DownsamplerDeps & { store: SliceStore } {
  holders += 1;
  const { tenantId, ...rest } = options;
  return {
    raw: stage.source,
    tiers: stage.stores,
    store: createSliceStore(postgres.knex, {
      leases: createLeases(postgres.knex, `worker ${String(holders)}`),
      ...{ leaseMs: 60_000, maxVersion, sliceMs },
    }),
    tenants: () => Promise.resolve([tenantId]),
    typesOf: () => Promise.resolve(() => undefined),
    closedAfterMs: () => 0,
    rawRetentionMs: 5 * hourMs,
    confirmAfterMs: 0,
    everyMs: 50,
    renewMs: 5_000,
    meters: createRetentionMeters(createMeters()),
    clock: clockAfter(0),
    log: silentLogger,
    ...rest,
  };
}

/** Everything that is due, once. */
export async function runRound(
  worker: DownsamplerDeps,
  signal = new AbortController().signal,
): Promise<void> {
  await until('it is this worker’s turn', () => worker.store.hold());
  await new Round(worker).run(signal);
  await worker.store.release();
}

export type Found = { metric: Record<string, string>; value: number };

/** An instant question in a tenant's name, past every cache. */
export async function ask(
  target: VictoriaTarget,
  tenantId: string,
  query: string,
  timeMs: number,
): Promise<Found[]> {
  const args = { query, time: String(timeMs / 1_000), nocache: '1' };
  const { result } = (await get(target, tenantId, '/api/v1/query', args)) as {
    result: { metric: Record<string, string>; value: [number, string] }[];
  };
  return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}

/** The answers at the end of each step, from the first on, by series without its name. */
export async function askRange(
  target: VictoriaTarget,
  tenantId: string,
  query: string,
  range: { firstMs: number; lastMs: number; stepMs: number },
): Promise<Record<string, Record<string, string>>> {
  const { firstMs, lastMs, stepMs } = range;
  const args = {
    ...{ query, nocache: '1', step: `${String(stepMs)}ms` },
    ...{ start: String(firstMs / 1_000), end: String(lastMs / 1_000) },
  };
  const { result } = (await get(target, tenantId, '/api/v1/query_range', args)) as {
    result: { metric: Record<string, string>; values: [number, string][] }[];
  };
  return Object.fromEntries(
    result.map(({ metric, values }) => {
      const labels = Object.entries(metric).filter(([name]) => name !== '__name__');
      return [JSON.stringify(labels.sort()), Object.fromEntries(values)];
    }),
  );
}

async function get(
  target: VictoriaTarget,
  tenantId: string,
  path: string,
  args: Record<string, string>,
): Promise<unknown> {
  const query = new URLSearchParams({ ...args, extra_label: `tenant=${tenantId}` });
  const auth = Buffer.from(`${target.username ?? ''}:${target.password ?? ''}`).toString('base64');
  const answer = await fetch(`${target.baseUrl}${path}?${query.toString()}`, {
    headers: { authorization: `Basic ${auth}` },
  });
  if (!answer.ok) throw new Error(await answer.text());
  return ((await answer.json()) as { data: unknown }).data;
}
