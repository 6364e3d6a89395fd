import { createAgents, type Agents } from '../../src/agents/index.ts';
import { heartbeatTo } from '../../src/app/heartbeats.ts';
import type { Ingest } from '../../src/ingest/index.ts';
import { createHosts, type Hosts } from '../../src/hosts/index.ts';
import {
  agentRoutes,
  enrolmentRoutes,
  ingestRoutes,
  ownConfigRoute,
  type Route,
} from '../../src/http/index.ts';
import { silentLogger, type Clock } from '../../src/platform/index.ts';
import {
  createAgentConfigStore,
  createAgentStore,
  createAgentTokenStore,
  createHostStore,
  type Postgres,
} from '../../src/storage/postgres/index.ts';
import { routesOf, type TestAccess } from './access.ts';
import { hostRoutesWithoutSamples } from './hosts.ts';

export interface TestAgents {
  agents: Agents;
  hosts: Hosts;
  routes: Route[];
}

/** The agents' rooms as one process has them, before `start` of either. */
export function createTestAgents(
  postgres: Postgres,
  { access, feed }: TestAccess,
  options: { clock: Clock; maxHosts?: number },
): TestAgents {
  const { knex } = postgres;
  const common = {
    ...{ changes: feed, clock: options.clock, log: silentLogger },
    maxHostsOf: () => options.maxHosts ?? 100,
    isActive: access.tenants.isActive,
  };
  const hosts = createHosts({ ...common, store: createHostStore(knex) });
  const agents = createAgents({
    ...{ ...common, keys: access.keys },
    onEnrolled: (tenantId) => hosts.refresh(tenantId),
    stores: {
      tokens: createAgentTokenStore(knex),
      agents: createAgentStore(knex),
      configs: createAgentConfigStore(knex),
    },
  });
  const routes = [
    ...agentRoutes({ agents, clock: options.clock }),
    ...ownConfigRoute({ agents }),
    ...enrolmentRoutes({ agents, publicUrl: 'https://gaugeway.example/' }),
    ...ingestRoutes({
      ...{ ingest: {} as Ingest, tenantModeOf: () => undefined, seen: () => undefined },
      heartbeat: heartbeatTo({ agents, hosts }),
      rejections: () => Promise.resolve({ total: 0, rows: [] }),
      haLeaders: () => Promise.resolve([]),
    }),
    ...routesOf(access),
    ...hostRoutesWithoutSamples(postgres, hosts, options.clock),
  ];
  return { agents, hosts, routes };
}
