import type { Actor, AuditAction, AuditEntry } from '../access/index.ts';
import type { Clock } from '../platform/index.ts';
import { toConfig, type AgentConfig, type AgentSettings, type Layer } from './config.ts';
import type { AgentConfigStore } from './stores.ts';

/** Port: tells that a tenant's configuration of agents changed, in this process or another. */
export interface AgentChanges {
  on(topic: 'agents', listener: (tenantId: string) => Promise<void> | undefined): void;
}

/** What agents shall run with: the tenant's settings, and each host's over them. */
export interface AgentConfigs {
  /** From memory. */
  of(tenantId: string, hostId: string): AgentConfig;
  /** From memory: every answer to a write carries it. */
  versionOf(tenantId: string, hostId: string): string;
  /** From memory: the tenant's own settings. */
  ofTenant(tenantId: string): AgentConfig;
  /** From memory: what is set for this host alone. */
  ofHost(tenantId: string, hostId: string): AgentSettings | undefined;
  putTenant(tenantId: string, settings: AgentSettings, by: Actor): Promise<void>;
  /** False where there is no such host. */
  putHost(tenantId: string, hostId: string, settings: AgentSettings, by: Actor): Promise<boolean>;
  /** False where nothing was set for the host. */
  removeHost(tenantId: string, hostId: string, by: Actor): Promise<boolean>;
  /** Fills the memory. */
  load(): Promise<void>;
}

interface Deps {
  store: AgentConfigStore;
  changes: AgentChanges;
  clock: Clock;
}

interface OfTenant {
  tenant: Layer | undefined;
  hosts: ReadonlyMap<string, Layer>;
}

export function createAgentConfigs({ store, changes, clock }: Deps): AgentConfigs {
  const known = new Map<string, OfTenant>();
  const reload = async (tenantId: string): Promise<void> => {
    known.set(tenantId, await store.ofTenant(tenantId));
  };
  changes.on('agents', reload);
  const audited = (
    [tenantId, hostId]: readonly [tenantId: string, hostId?: string],
    by: Actor,
    after?: AgentSettings,
  ) => {
    const action: AuditAction = 'agent_config_updated';
    const target = hostId === undefined ? `tenant:${tenantId}` : `host:${hostId}`;
    const layers = known.get(tenantId);
    const before = hostId === undefined ? layers?.tenant : layers?.hosts.get(hostId);
    const details = { before: before?.settings ?? null, after: after ?? null };
    const entry: AuditEntry = { actor: by, tenantId, action, target, atMs: clock.nowMs(), details };
    return entry;
  };
  const configs: AgentConfigs = {
    of(tenantId, hostId) {
      const layers = known.get(tenantId);
      return toConfig(layers?.tenant, layers?.hosts.get(hostId));
    },
    versionOf(tenantId, hostId) {
      return known.has(tenantId) ? configs.of(tenantId, hostId).version : '0';
    },
    ofTenant: (tenantId) => toConfig(known.get(tenantId)?.tenant, undefined),
    ofHost: (tenantId, hostId) => known.get(tenantId)?.hosts.get(hostId)?.settings,
    async putTenant(tenantId, settings, by) {
      const audit = audited([tenantId], by, settings);
      await store.put(tenantId, undefined, settings, audit);
      await reload(tenantId);
    },
    async putHost(tenantId, hostId, settings, by) {
      const audit = audited([tenantId, hostId], by, settings);
      const isDone = await store.put(tenantId, hostId, settings, audit);
      await reload(tenantId);
      return isDone;
    },
    async removeHost(tenantId, hostId, by) {
      const isDone = await store.remove(tenantId, hostId, audited([tenantId, hostId], by));
      await reload(tenantId);
      return isDone;
    },
    async load() {
      for (const tenantId of await store.tenants()) await reload(tenantId);
    },
  };
  return configs;
}
