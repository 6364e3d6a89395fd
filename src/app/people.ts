import { createAccess, type Access, type TenantPolicy } from '../access/index.ts';
import { createAgents, type Agents } from '../agents/index.ts';
import { createHosts, type Hosts } from '../hosts/index.ts';
import type { Allowances } from '../limits/index.ts';
import { systemClock } from '../platform/index.ts';
import {
  createAgentConfigStore,
  createAgentStore,
  createAgentTokenStore,
  createApiKeyStore,
  createAuditStore,
  createChangeFeed,
  createHostStore,
  createPasswordResetStore,
  createSessionStore,
  createTenantStore,
  createUserStore,
  type ChangeFeed,
  type Postgres,
} from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';

export interface People {
  access: Access;
  hosts: Hosts;
  agents: Agents;
  changes: ChangeFeed;
}

/** Hosts that a tenant may have where its row says nothing: five times what v1.1 of the PRP asks of all. */
const defaultMaxHosts = 25_000;

function defaultPolicy({ loaded }: Foundation): TenantPolicy {
  const { limits, timestampPast, timestampFuture } = loaded.config.ingest;
  const orNone = (limit: number) => (limit === 0 ? Number.MAX_SAFE_INTEGER : limit);
  return {
    samplesPerSecond: orNone(limits.samplesPerSecond),
    burstSamples: orNone(limits.burst),
    maxActiveSeries: orNone(limits.maxActiveSeries),
    timestampPastMs: timestampPast,
    timestampFutureMs: timestampFuture,
    maxHosts: defaultMaxHosts,
    maxMetricNames: orNone(limits.maxMetricNames),
    maxLabels: limits.maxLabels,
    maxLabelNameBytes: limits.maxLabelNameBytes,
    maxLabelValueBytes: limits.maxLabelValueBytes,
  };
}

/** Who may do what, and which machines there are; both answer from memory once they are started. */
export async function startPeople(
  foundation: Foundation,
  postgres: Postgres,
  allowances: Allowances,
): Promise<People> {
  const { lifecycle, log, keyFor } = foundation;
  const { knex } = postgres;
  const clock = systemClock;
  const changes = createChangeFeed({ knex, clock, log });
  const access = createAccess({
    stores: {
      users: createUserStore(knex),
      passwordResets: createPasswordResetStore(knex),
      sessions: createSessionStore(knex),
      keys: createApiKeyStore(knex),
      tenants: createTenantStore(knex),
      audit: createAuditStore(knex),
    },
    changes,
    signingKey: keyFor('access-token'),
    defaultPolicy: defaultPolicy(foundation),
    loginThrottle: { attempt: (account, address) => allowances.login(account, address) },
    clock,
    log,
  });
  const hosts = createHosts({
    store: createHostStore(knex),
    changes,
    maxHostsOf: (tenantId) => access.tenants.policyOf(tenantId).maxHosts,
    clock,
    log,
  });
  const agents = createAgents({
    stores: {
      tokens: createAgentTokenStore(knex),
      agents: createAgentStore(knex),
      configs: createAgentConfigStore(knex),
    },
    keys: access.keys,
    changes,
    maxHostsOf: (tenantId) => access.tenants.policyOf(tenantId).maxHosts,
    isActive: access.tenants.isActive,
    onEnrolled: (tenantId) => hosts.refresh(tenantId),
    clock,
    log,
  });
  await changes.start();
  lifecycle.onStop('change feed', () => changes.stop());
  await access.start();
  lifecycle.onStop('access', () => access.close());
  await hosts.start();
  lifecycle.onStop('hosts', () => hosts.close());
  await agents.start();
  return { access, hosts, agents, changes };
}
