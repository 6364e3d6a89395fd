import type { Actor, AuditAction, AuditEntry, Keys, Listed, Page } from '../access/index.ts';
import type { Clock, Logger } from '../platform/index.ts';
import {
  cloneShownMs,
  silentAfterMs,
  type Agent,
  type AgentListing,
  type AgentStatus,
  type SeenAgent,
} from './agent.ts';
import { createBeats, type Beat, type BeatOutcome } from './beats.ts';
import { createAgentConfigs, type AgentChanges, type AgentConfigs } from './configs.ts';
import { createEnrol, type Enrol } from './enrol.ts';
import type { AgentConfigStore, AgentStore } from './stores.ts';
import { createEnrolmentThrottle } from './throttle.ts';
import { createTokens, type Tokens, type TokenStore } from './tokens.ts';

interface Deps {
  stores: { tokens: TokenStore; agents: AgentStore; configs: AgentConfigStore };
  keys: Keys;
  changes: AgentChanges;
  maxHostsOf: (tenantId: string) => number;
  /** Whether the tenant is served. */
  isActive: (tenantId: string) => boolean;
  /** Called when a machine enrolled, before it is answered: its first samples shall have its tags. */
  onEnrolled: (tenantId: string) => Promise<void>;
  clock: Clock;
  log: Logger;
}

export interface Agents {
  tokens: Tokens;
  configs: AgentConfigs;
  enrol: Enrol;
  /** Judges a heartbeat; `save` keeps its report and runs only for the machine that speaks for the host. */
  beat(beat: Beat, save: () => Promise<void>): Promise<BeatOutcome>;
  list(
    tenantId: string,
    page: Page & { status: AgentStatus | undefined },
  ): Promise<Listed<SeenAgent>>;
  get(tenantId: string, hostId: string): Promise<SeenAgent | undefined>;
  /** The refused second machine takes the host over. */
  approve(tenantId: string, hostId: string, by: Actor): Promise<'done' | 'unknown' | 'no_clone'>;
  /** The agent gets a new key with its next heartbeat; the old one is good until the new one is seen. */
  rotateKey(
    tenantId: string,
    hostId: string,
    by: Actor,
  ): Promise<'done' | 'unknown' | 'not_enrolled'>;
  /** Fills the memory; to be called once before anything is served. */
  start(): Promise<void>;
}

export function createAgents(deps: Deps): Agents {
  const { stores, keys, clock } = deps;
  const log = deps.log.child('agents');
  const store = stores.agents;
  const tokens = createTokens({ store: stores.tokens, clock });
  const configs = createAgentConfigs({ store: stores.configs, changes: deps.changes, clock });
  const listing = (tenantId: string, page: Page): AgentListing => {
    const nowMs = clock.nowMs();
    const bounds = { silentBeforeMs: nowMs - silentAfterMs, cloneBeforeMs: nowMs - cloneShownMs };
    return { tenantId, ...bounds, limit: page.limit, offset: page.offset };
  };
  const audited = (action: AuditAction, agent: [string, string], actor: Actor): AuditEntry => {
    const [tenantId, hostId] = agent;
    return { actor, tenantId, action, target: `host:${hostId}`, atMs: clock.nowMs() };
  };
  return {
    ...{ tokens, configs },
    enrol: createEnrol({
      ...{ tokens, store, keys, clock },
      throttle: createEnrolmentThrottle(clock),
      configOf: (tenantId, hostId) => configs.of(tenantId, hostId),
      ...{ maxHostsOf: deps.maxHostsOf, isActive: deps.isActive },
      onEnrolled: deps.onEnrolled,
    }),
    beat: createBeats({ store, keys, clock, log }),
    list: (tenantId, { status, ...page }) =>
      store.list({ ...listing(tenantId, page), ...(status === undefined ? {} : { status }) }),
    async get(tenantId, hostId) {
      const one = { ...listing(tenantId, { limit: 1, offset: 0 }), hostId };
      return (await store.list(one)).items[0];
    },
    async approve(tenantId, hostId, by) {
      const agent = await store.find(tenantId, hostId);
      if (!agent) return 'unknown';
      if (agent.cloneBootId === null) return 'no_clone';
      await store.change(
        ...([tenantId, hostId] as const),
        adoptClone,
        audited('agent_approved', [tenantId, hostId], by),
      );
      return 'done';
    },
    async rotateKey(tenantId, hostId, by) {
      const agent = await store.find(tenantId, hostId);
      if (!agent) return 'unknown';
      if (agent.keyId === null) return 'not_enrolled';
      const rotateWantedAtMs = clock.nowMs();
      await store.change(
        ...([tenantId, hostId] as const),
        () => ({ rotateWantedAtMs, nextKeyAtMs: null }),
        audited('agent_key_rotated', [tenantId, hostId], by),
      );
      return 'done';
    },
    start: () => configs.load(),
  };
}

/** The former boot is forgotten, so that the first machine, should it live, is now the second one. */
function adoptClone({ cloneBootId }: Agent): Partial<Agent> {
  if (cloneBootId === null) return {};
  return {
    ...{ bootId: cloneBootId, formerBootId: null, beatAtMs: null },
    ...{ cloneBootId: null, cloneSeenAtMs: null },
  };
}
