import { join, resolve } from 'node:path';
import { resolveApiName } from '../catalog/index.ts';
import { createForward, type Forward, type ShardTarget } from '../forward/index.ts';
import { createIngest, type Ingest } from '../ingest/index.ts';
import { messageOf, systemClock, type Logger } from '../platform/index.ts';
import {
  createExemplarStore,
  createHaStore,
  createMetadataStore,
  createRejectionStore,
  createWhitelistOverrideStore,
  type Postgres,
} from '../storage/postgres/index.ts';
import { createSeriesWriter, createVictoriaClient } from '../storage/victoria/index.ts';
import type { Foundation } from './compose.ts';
import type { People } from './people.ts';
import { createWhitelists, type Whitelists } from './whitelists.ts';

export interface Gateway {
  ingest: Ingest;
  forward: Forward;
}

/** How long a stop waits for what was accepted to reach storage. */
const drainMs = 8_000;
const flushMs = 2_000;
const expireMs = 300_000;
const whitelistLookMs = 5_000;
/** Connections to one VictoriaMetrics for writing; it works on as many inserts as it has cores, times two. */
const writeConnections = 8;
const maxConcurrentWrites = 4;
/** Labels in storage: what VictoriaMetrics 1.79 takes of one series before it drops some. */
const maxLabels = 30;
const maxLabelNameBytes = 256;
const maxLabelValueBytes = 1_024;
const repeatMemory = 50_000;

function shardTargets({ backends, lifecycle, loaded }: Foundation): ShardTarget[] {
  const target = (name: string, tags: string[], baseUrl?: string): ShardTarget => {
    const raw = backends.victoria.raw;
    const client = createVictoriaClient(baseUrl === undefined ? raw : { ...raw, baseUrl }, {
      connections: writeConnections,
    });
    lifecycle.onStop(`VictoriaMetrics client (${name})`, () => client.close());
    return { name, tags, writer: createSeriesWriter(client) };
  };
  const byUrl = new Map<string, string[]>();
  for (const [zone, url] of Object.entries(loaded.config.forward.shards)) {
    byUrl.set(url, [...(byUrl.get(url) ?? []), zone]);
  }
  const zones = [...byUrl].map(([url, tags]) => target(`raw-${tags.join('-')}`, tags, url));
  return [target('raw', []), ...zones];
}

async function startForward(foundation: Foundation): Promise<Forward> {
  const { loaded, lifecycle, meters } = foundation;
  const { forward: config, dataDir } = { ...loaded.config };
  const { journal } = config;
  const directory = journal.dir ?? join(dataDir, 'journal');
  const forward = await createForward({
    config: {
      batchSamples: config.batchSamples,
      batchDelayMs: config.batchDelay,
      queueBytes: config.queueBytes,
      maxConcurrentWrites,
      journalMaxBytes: journal.maxBytes,
      journalOverflow: journal.overflow,
      confirmAfterMs: journal.confirmAfter,
      flushIntervalMs: config.flushInterval,
      ...(journal.enabled
        ? { journal: { directory: resolve(directory), fsync: journal.fsync } }
        : {}),
    },
    targets: shardTargets(foundation),
    clock: systemClock,
    log: foundation.log.child('forward'),
    meters,
  });
  lifecycle.onStop('forward', () => forward.stop(AbortSignal.timeout(drainMs)), drainMs + 2_000);
  return forward;
}

/** The write path: what is posted goes through `ingest` to `forward`. */
export async function startGateway(
  foundation: Foundation,
  postgres: Postgres,
  people: People,
): Promise<Gateway> {
  const { loaded, lifecycle, meters } = foundation;
  const log = foundation.log.child('ingest');
  const { knex } = postgres;
  const config = loaded.config.ingest;
  const whitelists = createWhitelists({
    file: resolve(config.whitelistFile),
    overrides: createWhitelistOverrideStore(knex),
    log,
  });
  await whitelists.load();
  const forward = await startForward(foundation);
  const ingest = createIngest({
    config: {
      ...config,
      ...{ maxLabels, maxLabelNameBytes, maxLabelValueBytes, repeatMemory },
      haClusterLabel: config.haLabels.cluster,
      haReplicaLabel: config.haLabels.replica,
      haFailoverMs: config.haLabels.failover,
      shardTag: loaded.config.forward.shardTag,
    },
    accept: forward.accept,
    whitelistOf: (tenantId) => whitelists.of(tenantId),
    policyOf: (tenantId) => people.access.tenants.policyOf(tenantId),
    tagsOf: (tenantId, hostId) => people.hosts.tagsOf(tenantId, hostId),
    resolveMetric(apiName) {
      const match = resolveApiName(apiName);
      return match && { name: match.metric.name, labels: Object.entries(match.labels) };
    },
    stores: {
      ha: createHaStore(knex),
      ledger: createRejectionStore(knex),
      exemplars: createExemplarStore(knex),
      metadata: createMetadataStore(knex),
    },
    clock: systemClock,
    log,
    meters,
  });
  people.changes.on('whitelist', async (tenantId) => {
    await whitelists.refresh(tenantId);
    ingest.rulesChanged();
  });
  people.access.tenants.onChange((tenantId, { isEnded }) => {
    if (isEnded) ingest.forget(tenantId);
    else ingest.policyChanged(tenantId);
  });
  lifecycle.onStop('ingest', keepHouse(ingest, whitelists, log));
  return { ingest, forward };
}

/** What is done every so often; answers with how to stop it, saving what is pending. */
function keepHouse(ingest: Ingest, whitelists: Whitelists, log: Logger): () => Promise<void> {
  const lookAtWhitelist = (): void => {
    if (whitelists.reload()) ingest.rulesChanged();
  };
  const jobs: readonly [ms: number, run: () => unknown][] = [
    [flushMs, () => ingest.flush()],
    [expireMs, () => ingest.expire()],
    [whitelistLookMs, lookAtWhitelist],
  ];
  const timers = jobs.map(([ms, run]) => {
    const guarded = async (): Promise<void> => {
      try {
        await run();
      } catch (error) {
        log.error('a periodic task failed', { error: messageOf(error) });
      }
    };
    return setInterval(() => void guarded(), ms).unref();
  });
  return async () => {
    for (const timer of timers) clearInterval(timer);
    await ingest.flush();
  };
}
