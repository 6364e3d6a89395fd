import type { AuditEntry } from '../access/index.ts';
import type { HeartbeatReport, Host, HostPatch, Tags } from './host.ts';
import type { ImportPlan, PlannedChange } from './import-plan.ts';

export interface SeenHost {
  tenantId: string;
  hostId: string;
  atMs: number;
}

export interface LastReport {
  reported: Readonly<Record<string, unknown>>;
  receivedAtMs: number;
}

export interface HostMatch {
  /** All must hold. */
  tags?: Tags;
  /** Part of the id or the hostname, in any case. */
  search?: string;
  ids?: readonly string[];
}

export interface PlannedImport {
  plan: ImportPlan;
  isDone: boolean;
}

/** Port: the inventory in Postgres. */
export interface HostStore {
  allTags(): Promise<{ tenantId: string; hostId: string; tags: Tags }[]>;
  tagsOfTenant(tenantId: string): Promise<{ hostId: string; tags: Tags }[]>;
  find(tenantId: string, id: string): Promise<Host | undefined>;
  list(
    tenantId: string,
    page: { limit: number; offset: number },
    filter?: HostMatch,
  ): Promise<{ items: Host[]; total: number }>;
  /** All of them, in the order of the list. */
  matching(tenantId: string, filter: HostMatch): Promise<Host[]>;
  create(
    host: Host,
    options: { maxHosts: number; audit: AuditEntry },
  ): Promise<'created' | 'exists' | 'too_many_hosts'>;
  /** Undefined where the host is gone meanwhile. */
  change(
    host: Host,
    patch: HostPatch,
    audit: (after: Host) => AuditEntry,
  ): Promise<Host | undefined>;
  /** Also ends the keys bound to the host: their number. */
  remove(host: Host, audit: AuditEntry): Promise<number>;
  /** Plans on what is there while nobody else adds hosts, and applies the plan where it says so, whole or not at all. */
  importAll(
    tenantId: string,
    work: {
      /** Of the rows; undefined ones are new. */
      ids: readonly string[];
      plan: (existing: ReadonlyMap<string, Host>, total: number) => PlannedImport;
      audit: (change: PlannedChange) => AuditEntry;
    },
  ): Promise<PlannedImport>;
  /** Adds those that are not there yet, each while its tenant has fewer than `maxHosts`. */
  register(hosts: readonly SeenHost[], maxHostsOf: (tenantId: string) => number): Promise<void>;
  /** Moves `lastSeenAtMs` forward. */
  touch(hosts: readonly SeenHost[]): Promise<void>;
  /** The last heartbeat as it was reported; undefined where there was none. */
  lastReport(tenantId: string, hostId: string): Promise<LastReport | undefined>;
  /** False where the host is not registered. */
  saveHeartbeat(tenantId: string, report: HeartbeatReport, atMs: number): Promise<boolean>;
}
