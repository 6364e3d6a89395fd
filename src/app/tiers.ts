import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { HiddenIncarnation } from '../forward/index.ts';
import type { SeriesEraser } from '../hosts/index.ts';
import { parseDuration, systemClock } from '../platform/index.ts';
import {
  createDownsampler,
  createRetentionMeters,
  maxVersion,
  sliceMs,
  tierFlags,
  tierSpecs,
  type AggregateTier,
  type TierStore,
} from '../retention/index.ts';
import {
  createLeases,
  createMetadataStore,
  createSliceStore,
  createTenantStore,
  type Postgres,
} from '../storage/postgres/index.ts';
import {
  createRawSource,
  createSeriesEraser,
  createSeriesWriter,
  createSpreadSource,
  createVictoriaClient,
  readFlag,
  type VictoriaClient,
  type VictoriaTarget,
} from '../storage/victoria/index.ts';
import { createDecodeKernel } from '../wire/index.ts';
import type { Foundation } from './compose.ts';
import type { People } from './people.ts';
import { rawTargets } from './zones.ts';

const hidden: HiddenIncarnation = 'hidden';
const leaseMs = 30_000;
const renewMs = 8_000;
/** Between the last moment at which a sample is accepted and its being readable: the queue, the flush. */
const settleMs = 120_000;
/** Aggregates of one body, and a series of an hour above it. */
const maxWriteBytes = 4 * 1024 * 1024;
const rawConnections = 2;
const stopMs = 20_000;

/** Age at which an hour gets no more samples from senders whose samples may be this old, milliseconds. */
export const closedAfterMs = (timestampPastMs: number): number => timestampPastMs + settleMs;

/** For the role `worker`: fills the tiers that there are. */
export function startTiers(foundation: Foundation, { knex }: Postgres, { access }: People): void {
  const { lifecycle, loaded, log, meters } = foundation;
  const { retention, downsample } = loaded.config;
  const tiers = openTiers(foundation);
  const retentionMeters = createRetentionMeters(meters);
  if (tiers.size === 0) {
    log.info('no tiers: long ranges are answered from raw samples as long as they are kept');
    return;
  }
  const clients = rawTargets(foundation).map((target) =>
    createVictoriaClient(target, { connections: rawConnections }),
  );
  lifecycle.onStop('VictoriaMetrics clients (downsampling)', async () => {
    await Promise.all(clients.map((client) => client.close()));
  });
  const tenants = createTenantStore(knex);
  const metadata = createMetadataStore(knex);
  const downsampler = createDownsampler({
    raw: createSpreadSource(clients.map(createRawSource)),
    tiers,
    store: createSliceStore(knex, {
      leases: createLeases(knex, `${hostname()}:${process.pid}:${randomUUID()}`),
      ...{ leaseMs, maxVersion, sliceMs },
    }),
    // What is being deleted gets nothing new.
    tenants: async () =>
      (await tenants.all()).filter(({ status }) => status !== 'deleting').map(({ id }) => id),
    async typesOf(tenantId) {
      const rows = await metadata.list(tenantId, {});
      const types = new Map(rows.map(({ metric, type }) => [metric, type]));
      return (metric) => types.get(metric);
    },
    closedAfterMs: (tenantId) => closedAfterMs(access.tenants.policyOf(tenantId).timestampPastMs),
    rawRetentionMs: retention.raw,
    confirmAfterMs: downsample.confirmAfter,
    ...{ everyMs: downsample.interval, renewMs },
    meters: retentionMeters,
    clock: systemClock,
    log: log.child('retention'),
  });
  downsampler.start();
  lifecycle.onStop('downsampler', () => downsampler.stop(), stopMs);
}

function openTiers({ backends, lifecycle }: Foundation): Map<AggregateTier, TierStore> {
  const tiers = new Map<AggregateTier, TierStore>();
  for (const { tier } of tierSpecs) {
    const target = backends.victoria[tier];
    if (!target) continue;
    const { store, close } = tierStoreOf(tier, target);
    lifecycle.onStop(`VictoriaMetrics client (${tier})`, close);
    tiers.set(tier, store);
  }
  return tiers;
}

/** Erases a host in raw storage first, so that no worker puts it into a tier again. */
export function eraserOf(
  foundation: Pick<Foundation, 'backends' | 'lifecycle' | 'loaded'>,
  raw: VictoriaClient,
): SeriesEraser {
  const { backends, lifecycle } = foundation;
  const erasers = [createSeriesEraser(raw)];
  const [, ...zones] = rawTargets(foundation);
  for (const target of [...zones, ...tierSpecs.map(({ tier }) => backends.victoria[tier])]) {
    if (!target) continue;
    const client = createVictoriaClient(target, { connections: 1 });
    lifecycle.onStop(`VictoriaMetrics client (erasing, ${target.baseUrl})`, () => client.close());
    erasers.push(createSeriesEraser(client));
  }
  return {
    async erase(tenantId, hostId) {
      for (const eraser of erasers) await eraser.erase(tenantId, hostId);
    },
  };
}

/** One VictoriaMetrics as a tier; it takes nothing where it visibly runs with another flag than tiers need. */
export function tierStoreOf(
  tier: AggregateTier,
  target: VictoriaTarget,
): { store: TierStore; close: () => Promise<void> } {
  const client = createVictoriaClient(target, { connections: 2 });
  const writer = createSeriesWriter(client);
  const kernel = createDecodeKernel({
    ...{ maxDecodedBytes: maxWriteBytes, maxSeries: 16, maxKnownSeries: 16 },
  });
  let disconnects = 0;
  writer.onDisconnect(() => (disconnects += 1));
  let checked: string | undefined;
  let wrongFlag: string | undefined;
  const store: TierStore = {
    async write(tenantId, body) {
      if (wrongFlag !== undefined) return wrongFlag;
      const answer = await writer.write([['tenant', tenantId]], kernel.compress(body));
      return answer.kind === 'written' ? undefined : answer.message;
    },
    flush: () => writer.makeVisible(),
    async life() {
      const incarnation = await writer.incarnation();
      // A store that does not say when it started may be another after each lost connection.
      const life = incarnation === hidden ? `${hidden} ${String(disconnects)}` : incarnation;
      if (life !== undefined && life !== checked) {
        wrongFlag = await wrongFlagOf(tier, client);
        checked = life;
      }
      return life;
    },
  };
  return { store, close: () => client.close() };
}

/** With another interval a version would not cover the one before it. */
async function wrongFlagOf(
  tier: AggregateTier,
  client: VictoriaClient,
): Promise<string | undefined> {
  for (const [flag, wanted] of Object.entries(tierFlags(tier))) {
    const found = await readFlag(client, flag);
    if (found !== undefined && parseDuration(found) !== parseDuration(wanted)) {
      return `it runs with -${flag}=${found}, a tier of ${tier} needs ${wanted}`;
    }
  }
  return undefined;
}
