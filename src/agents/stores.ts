import type { AuditEntry, Listed } from '../access/index.ts';
import type { Agent, AgentListing, AgentPatch, SeenAgent } from './agent.ts';
import type { AgentSettings, Layer } from './config.ts';

/** A machine that is given a host. */
export interface Enrolment {
  tenantId: string;
  hostId: string;
  hostname: string;
  machine: string;
  bootId: string;
  os: string;
  arch: string;
  agentVersion: string;
  tokenId: string;
  tags: Readonly<Record<string, string>>;
  /** The token is for this very host, which may have had another machine. */
  mayTakeOver: boolean;
  maxHosts: number;
  atMs: number;
}

/** Port: the agents of a tenant. */
export interface AgentStore {
  find(tenantId: string, hostId: string): Promise<Agent | undefined>;
  findByMachine(tenantId: string, machine: string): Promise<Agent | undefined>;
  /**
   * Adds host and agent or takes over the agent's row; the tags are added to the host's. A use of the token is spent,
   * unless the machine has this host by the same token. One at a time for a tenant; what is refused changes nothing.
   */
  enrol(
    enrolment: Enrolment,
    audit: AuditEntry,
  ): Promise<'done' | 'too_many_hosts' | 'host_id_taken' | 'no_uses_left'>;
  /** Adds the row of an agent that runs with a key made by hand; nothing where it is there or the host is not. */
  note(tenantId: string, hostId: string): Promise<void>;
  /** Reads with the row locked and writes what `decide` says; undefined where there is no such agent. */
  change(
    tenantId: string,
    hostId: string,
    decide: (agent: Agent) => AgentPatch,
    audit?: AuditEntry,
  ): Promise<Agent | undefined>;
  /** As `change`, of a heartbeat: `decide` may be asked again, and its last word counts. */
  beat(
    tenantId: string,
    hostId: string,
    decide: (agent: Agent) => AgentPatch,
  ): Promise<Agent | undefined>;
  /** By hostname, in one statement. */
  list(listing: AgentListing): Promise<Listed<SeenAgent>>;
}

/** Port: the configuration that is pushed. Each change gets a new version. */
export interface AgentConfigStore {
  /** Every tenant that has any. */
  tenants(): Promise<string[]>;
  ofTenant(tenantId: string): Promise<{ tenant: Layer | undefined; hosts: Map<string, Layer> }>;
  /** `hostId` undefined: the tenant's own layer. False where there is no such host. */
  put(
    tenantId: string,
    hostId: string | undefined,
    settings: AgentSettings,
    audit: AuditEntry,
  ): Promise<boolean>;
  /** False where there was none. */
  remove(tenantId: string, hostId: string, audit: AuditEntry): Promise<boolean>;
}
