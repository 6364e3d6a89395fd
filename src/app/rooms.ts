import {
  createWriteHandler,
  docsRoutes,
  healthRoutes,
  ingestRoutes,
  ownConfigRoute,
  type Route,
} from '../http/index.ts';
import {
  createAccountStore,
  createRejectionStore,
  type Postgres,
} from '../storage/postgres/index.ts';
import { openReading, startApi } from './api.ts';
import { withAccounts } from './backends.ts';
import type { BuildRooms, FirstStart, Foundation, Serving } from './compose.ts';
import { openDatabase } from './database.ts';
import { agentInstallation, tokenForNewHosts } from './install.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { startLimits } from './limits.ts';
import { localKeys } from './local-keys.ts';
import { heartbeatTo } from './heartbeats.ts';
import { startPeople, type People } from './people.ts';
import { startNotify } from './notify.ts';
import { startOwnMetrics } from './own-metrics.ts';
import { startPurge } from './purge.ts';
import { readyChecks } from './ready.ts';
import { startReports } from './reports.ts';
import { openServer } from './server.ts';
import { startRuler } from './ruler.ts';
import { startTiers } from './tiers.ts';
import { startRemovals, startUsage } from './tenants.ts';

/** Wires the rooms, in the order in which they stand on each other. */
export const buildRooms: BuildRooms = async (given) => {
  const { loaded, lifecycle, log, meters, roles } = given;
  const { config } = loaded;
  const postgres = await openDatabase({
    url: given.backends.databaseUrl,
    poolSize: config.database.poolSize,
    migrationsDir: given.migrationsDir,
    log,
    meters,
  });
  lifecycle.onStop('Postgres pool', () => postgres.close());
  const accounts = createAccountStore(postgres.knex);
  const backends = withAccounts(given.backends, (tenantId) => accounts.of(tenantId));
  const foundation = { ...given, backends };
  const allowances = startLimits(foundation, postgres);
  const people = await startPeople(foundation, postgres, allowances);
  const { access } = people;
  const first = await firstTenant(foundation, access);
  const tenants = startUsage(foundation, postgres, people);
  const gateway = roles.has('gateway')
    ? tenants.watch(await startGateway(foundation, postgres, people))
    : undefined;
  const { rulers, notifiers } = await startWatch(foundation, postgres, people);
  const reading = openReading(foundation, postgres, tenants);
  startPurge(foundation, postgres, reading.blobs);
  if (roles.has('worker')) {
    startReports(foundation, postgres, reading);
    startTiers(foundation, postgres, people);
    startRemovals(foundation, postgres, reading.blobs);
  }
  const forward = gateway?.forward;
  const checks = readyChecks(foundation, {
    ...{ postgres, changes: people.changes, forward },
    ...{ ruler: rulers?.ruler, worker: notifiers.worker },
  });
  const api = roles.has('api') ? await startApi(foundation, postgres, people, reading) : undefined;
  const routes = [
    ...healthRoutes({ checks, meters }),
    ...(gateway ? writeRoutes(gateway, people, postgres) : []),
    ...agentInstallation(foundation),
    ...(api ? [...api.routes, ...notifiers.routes] : []),
  ];
  const url = await openServer(foundation, {
    routes: [...routes, ...docsRoutes(routes, foundation.version)],
    ...{ readCache: reading.cache, allowances, authenticate: access.authenticate },
    live: api?.live,
    rawHandlers: gateway ? [rawWrite(gateway, people, foundation)] : [],
  });
  startOwnMetrics(foundation, { postgres, forward, url });
  const serving: Serving = {
    url,
    ...(first.created ? { firstStart: onlyGiven(first) } : {}),
  };
  if (!foundation.managed) return serving;
  const keys = await localKeys(access, config.dataDir, serving.url);
  return { ...serving, keys, enrolmentToken: await tokenForNewHosts(people) };
};

function firstTenant({ loaded, managed }: Foundation, { bootstrap }: People['access']) {
  const { adminPassword } = loaded.secrets;
  return bootstrap.firstTenant({
    adminEmail: loaded.config.admin.email,
    mustGivePassword: !managed,
    ...(adminPassword === undefined ? {} : { adminPassword }),
  });
}

/** From rules to messages: channels are known to every role, rulers and senders are roles of their own. */
async function startWatch(foundation: Foundation, postgres: Postgres, people: People) {
  const { changes, access } = people;
  const notifiers = await startNotify(foundation, postgres, changes, access.tenants.isActive);
  const rulers = foundation.roles.has('ruler')
    ? await startRuler(foundation, postgres, notifiers.channels, access.tenants.isActive)
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
