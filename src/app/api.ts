import { createAskMeters, type AskMeters } from '../host-metrics/index.ts';
import {
  accessRoutes,
  agentRoutes,
  enrolmentRoutes,
  prometheusRoutes,
  type ReadCache,
  type Route,
} from '../http/index.ts';
import type { Live } from '../live/index.ts';
import { systemClock } from '../platform/index.ts';
import { createQuery, defaultQueryConfig, type ReadTier } from '../query/index.ts';
import type { BlobStore } from '../reports/index.ts';
import type { Usage } from '../tenants/index.ts';
import type { Postgres } from '../storage/postgres/index.ts';
import { createVictoriaClient, type VictoriaClient } from '../storage/victoria/index.ts';
import { alertsApi } from './alerts-api.ts';
import type { Foundation } from './compose.ts';
import { blobsOf, startExports } from './exports.ts';
import { hostsApi, readCacheOf } from './hosts-api.ts';
import { liveOf } from './live.ts';
import { passwordMail } from './password-mail.ts';
import type { People } from './people.ts';
import { exemplarReader, metadataReader } from './readers.ts';
import { maxAnswerBytes, readTiers } from './read-tiers.ts';
import { reportsApi } from './reports.ts';
import { tenantsApi, type TenantUsage } from './tenants.ts';

interface Api {
  routes: readonly Route[];
  live: Live;
}

export interface Reading {
  cache: ReadCache;
  client: VictoriaClient;
  tiers: readonly ReadTier[];
  blobs: BlobStore;
  askMeters: AskMeters;
  usage: Usage;
}

/** What reads stand on, whichever role asks. */
export function openReading(
  foundation: Foundation,
  postgres: Postgres,
  { usage, counted }: TenantUsage,
): Reading {
  const { backends, lifecycle, meters } = foundation;
  const client = createVictoriaClient(backends.victoria.raw, { connections: 64, maxAnswerBytes });
  lifecycle.onStop('VictoriaMetrics client (reads)', () => client.close());
  const blobs = blobsOf(foundation);
  return {
    ...{ client, blobs, usage },
    tiers: readTiers(foundation, postgres, client).map((tier) => ({
      ...tier,
      reader: counted(tier.reader),
    })),
    ...{ cache: readCacheOf(foundation), askMeters: createAskMeters(meters) },
  };
}

/** What the role `api` answers: the read path, REST, live updates. */
export async function startApi(
  foundation: Foundation,
  postgres: Postgres,
  people: People,
  { cache, client, tiers, blobs, askMeters, usage }: Reading,
): Promise<Api> {
  const { loaded, meters, version } = foundation;
  const { access, agents } = people;
  const { publicUrl, query: config, retention } = loaded.config;
  const retentionMs = () => retention.raw;
  const query = createQuery({
    tiers,
    metadata: metadataReader(postgres),
    exemplars: exemplarReader(postgres),
    meters,
    config: {
      limits: {
        ...defaultQueryConfig.limits,
        maxPoints: config.maxPoints,
        timeoutMs: config.timeout,
      },
      concurrency: {
        ...defaultQueryConfig.concurrency,
        total: Math.max(defaultQueryConfig.concurrency.total, config.maxConcurrentPerTenant),
        perTenant: config.maxConcurrentPerTenant,
      },
      cache: { ttlMs: config.cacheTtl, maxBytes: config.cacheBytes },
    },
  });
  const alerts = await alertsApi(foundation, postgres, { query, cache });
  const { incidents } = alerts;
  const seen = hostsApi(foundation, people, {
    postgres,
    victoria: client,
    tiers,
    cache,
    askMeters,
  });
  const files = startExports(foundation, {
    ...{ ...seen, blobs, hosts: people.hosts, incidents },
    isServed: access.tenants.isActive,
  });
  const views = { ...alerts.views, targets: () => Promise.resolve([]) };
  const routes = [
    ...alerts.routes,
    ...prometheusRoutes({ query, views, version, startedMs: Date.now(), retentionMs }),
    ...accessRoutes({ ...access, publicUrl, mail: passwordMail(foundation) }),
    ...seen.routes,
    ...files.routes,
    ...reportsApi(foundation, postgres, files.exports),
    ...agentRoutes({ agents, clock: systemClock }),
    ...enrolmentRoutes({ agents, publicUrl }),
    ...tenantsApi(postgres, people, usage),
  ];
  return { routes, live: liveOf(foundation, postgres, people, { ...seen, incidents }) };
}
