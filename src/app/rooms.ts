import {
  agentRoutes,
  auditRoutes,
  authRoutes,
  createWriteHandler,
  enrolmentRoutes,
  healthRoutes,
  ingestRoutes,
  keyRoutes,
  ownConfigRoute,
  prometheusRoutes,
  tenantRoutes,
  userRoutes,
  type Check,
  type ReadCache,
  type Route,
} from '../http/index.ts';
import { systemClock } from '../platform/index.ts';
import { createQuery, defaultQueryConfig } from '../query/index.ts';
import { createRejectionStore, type Postgres } from '../storage/postgres/index.ts';
import { createVictoriaClient, createVictoriaReader } from '../storage/victoria/index.ts';
import { alertsApi } from './alerts-api.ts';
import type { BuildRooms, FirstStart, Foundation, Serving } from './compose.ts';
import { openDatabase } from './database.ts';
import { agentInstallation, tokenForNewHosts } from './install.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { hostsApi, readCacheOf } from './hosts-api.ts';
import { startLimits } from './limits.ts';
import { localKeys } from './local-keys.ts';
import { heartbeatTo } from './heartbeats.ts';
import { startPeople, type People } from './people.ts';
import { startNotify } from './notify.ts';
import { openServer } from './server.ts';
import { startRuler, type Rulers } from './ruler.ts';
import { exemplarReader, metadataReader } from './readers.ts';

/** Largest answer of storage that is passed on. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** Wires the rooms, in the order in which they stand on each other. */
export const buildRooms: BuildRooms = async (foundation) => {
  const { loaded, lifecycle, log, meters, roles, backends } = foundation;
  const { config } = loaded;
  const postgres = await openDatabase({
    url: backends.databaseUrl,
    poolSize: config.database.poolSize,
    migrationsDir: foundation.migrationsDir,
    log,
    meters,
  });
  lifecycle.onStop('Postgres pool', () => postgres.close());
  const allowances = startLimits(foundation, postgres);
  const people = await startPeople(foundation, postgres, allowances);
  const { access } = people;
  const first = await access.bootstrap.firstTenant({
    adminEmail: config.admin.email,
    mustGivePassword: !foundation.managed,
    ...(loaded.secrets.adminPassword === undefined
      ? {}
      : { adminPassword: loaded.secrets.adminPassword }),
  });
  const gateway = roles.has('gateway')
    ? await startGateway(foundation, postgres, people)
    : undefined;
  const { rulers, notifiers } = await startWatch(foundation, postgres, people);
  const readCache = readCacheOf(foundation);
  const routes = [
    ...healthRoutes({ checks: checksOf(postgres, gateway, rulers), meters }),
    ...(gateway ? writeRoutes(gateway, people, postgres) : []),
    ...agentInstallation(foundation),
    ...(roles.has('api')
      ? [...(await readRoutes(foundation, postgres, people, readCache)), ...notifiers.routes]
      : []),
  ];
  const url = await openServer(foundation, {
    ...{ routes, readCache, allowances, authenticate: access.authenticate },
    rawHandlers: gateway ? [rawWrite(gateway, people, foundation)] : [],
  });
  const serving: Serving = {
    url,
    ...(first.created ? { firstStart: onlyGiven(first) } : {}),
  };
  if (!foundation.managed) return serving;
  const keys = await localKeys(access, config.dataDir, serving.url);
  return { ...serving, keys, enrolmentToken: await tokenForNewHosts(people) };
};

/** From rules to messages: channels are known to every role, rulers and senders are roles of their own. */
async function startWatch(foundation: Foundation, postgres: Postgres, { changes }: People) {
  const notifiers = await startNotify(foundation, postgres, changes);
  const rulers = foundation.roles.has('ruler')
    ? await startRuler(foundation, postgres, notifiers.channels)
    : undefined;
  return { notifiers, rulers };
}

const onlyGiven = ({ email, password }: FirstStart): FirstStart =>
  password === undefined ? { email } : { email, password };

function rawWrite({ ingest }: Gateway, { access, agents, hosts }: People, { log }: Foundation) {
  return createWriteHandler({
    ingest,
    authenticate: access.authenticate,
    tenantModeOf: (tenantId) => access.tenants.policyOf(tenantId).whitelistMode,
    seen: (tenantId, hostId) => hosts.seen(tenantId, hostId, Date.now()),
    configVersionOf: (tenantId, hostId) => agents.configs.versionOf(tenantId, hostId),
    log: log.child('http'),
  });
}

/** What `/ready` looks at: each part is asked anew, so that a balancer hears of an outage within its own interval. */
function checksOf(
  postgres: Postgres,
  gateway: Gateway | undefined,
  rulers: Rulers | undefined,
): Record<string, Check> {
  const common: Record<string, Check> = {
    db: () => postgres.ping().then(() => true),
    ...(rulers ? { ruler: () => Promise.resolve(rulers.ruler.isLive()) } : {}),
  };
  if (!gateway) return common;
  const { forward } = gateway;
  return {
    ...common,
    storage: () => Promise.resolve(forward.down().length === 0),
    journal: () => Promise.resolve(forward.takes()),
  };
}

function writeRoutes({ ingest }: Gateway, people: People, postgres: Postgres): Route[] {
  const { access, agents, hosts } = people;
  const rejections = createRejectionStore(postgres.knex);
  const routes = ingestRoutes({
    ingest,
    tenantModeOf: (tenantId) => access.tenants.policyOf(tenantId).whitelistMode,
    seen: (tenantId, hostId) => hosts.seen(tenantId, hostId, Date.now()),
    heartbeat: heartbeatTo(people),
    async rejections(tenantId, page) {
      const { items, total } = await rejections.list(tenantId, page);
      return { rows: items, total };
    },
    haLeaders: (tenantId) => Promise.resolve(ingest.haLeaders(tenantId)),
  });
  return [...routes, ...ownConfigRoute({ agents })];
}

async function readRoutes(
  foundation: Foundation,
  postgres: Postgres,
  people: People,
  cache: ReadCache,
): Promise<Route[]> {
  const { backends, lifecycle, loaded, meters, version } = foundation;
  const { access, agents } = people;
  const { query: config, retention } = loaded.config;
  const client = createVictoriaClient(backends.victoria.raw, { maxAnswerBytes });
  lifecycle.onStop('VictoriaMetrics client (reads)', () => client.close());
  const retentionMs = () => retention.raw;
  const reader = createVictoriaReader(client);
  const query = createQuery({
    reader,
    metadata: metadataReader(postgres),
    exemplars: exemplarReader(postgres),
    meters,
    retentionMs,
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
  const alerts = await alertsApi(foundation, postgres, query);
  const views = { ...alerts.views, targets: () => Promise.resolve([]) };
  return [
    ...alerts.routes,
    ...prometheusRoutes({ query, views, version, startedMs: Date.now(), retentionMs }),
    ...authRoutes(access),
    ...userRoutes(access),
    ...keyRoutes(access),
    ...tenantRoutes(access),
    ...auditRoutes(access),
    ...hostsApi(foundation, people, { postgres, victoria: client, reader, cache }),
    ...agentRoutes({ agents, clock: systemClock }),
    ...enrolmentRoutes({ agents, publicUrl: loaded.config.publicUrl }),
  ];
}
