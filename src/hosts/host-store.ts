import type { HeartbeatReport, Host, Tags } from './host.ts';

export interface SeenHost {
  tenantId: string;
  hostId: string;
  atMs: number;
}

export interface LastReport {
  reported: Readonly<Record<string, unknown>>;
  receivedAtMs: number;
}

/** Port: the inventory in Postgres. */
export interface HostStore {
  allTags(): Promise<{ tenantId: string; hostId: string; tags: Tags }[]>;
  tagsOfTenant(tenantId: string): Promise<{ hostId: string; tags: Tags }[]>;
  find(tenantId: string, id: string): Promise<Host | undefined>;
  list(
    tenantId: string,
    page: { limit: number; offset: number },
  ): Promise<{ items: Host[]; total: number }>;
  /** Adds those that are not there yet, each while its tenant has fewer than `maxHosts`. */
  register(hosts: readonly SeenHost[], maxHostsOf: (tenantId: string) => number): Promise<void>;
  /** Moves `lastSeenAtMs` forward. */
  touch(hosts: readonly SeenHost[]): Promise<void>;
  /** The last heartbeat as it was reported; undefined where there was none. */
  lastReport(tenantId: string, hostId: string): Promise<LastReport | undefined>;
  /** False where the host is not registered. */
  saveHeartbeat(tenantId: string, report: HeartbeatReport, atMs: number): Promise<boolean>;
}
