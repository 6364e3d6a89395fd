import { GaugewayError, messageOf, type Clock, type Logger } from '../platform/index.ts';
import { toHeartbeatReport, type Host, type Tags } from './host.ts';
import type { HostStore, SeenHost } from './host-store.ts';
import { toTopProcesses, type TopProcesses } from './top-processes.ts';

/** Port: tells that a tenant's hosts or tags changed, in this process or another. */
interface HostChanges {
  on(topic: 'hosts', listener: (tenantId: string) => Promise<void> | undefined): void;
}

interface Deps {
  store: HostStore;
  changes: HostChanges;
  maxHostsOf: (tenantId: string) => number;
  clock: Clock;
  log: Logger;
}

export interface Hosts {
  /** From memory: the write path asks for every request. Undefined for a host that is not registered. */
  tagsOf(tenantId: string, hostId: string): Tags | undefined;
  /** Notes a sign of life without waiting; a host seen for the first time is registered at the next flush. */
  seen(tenantId: string, hostId: string, atMs: number): void;
  /**
   * Saves what the agent said about itself, and registers its host. Throws BAD_REQUEST for a report that is none,
   * RATE_LIMIT_EXCEEDED where the tenant has as many hosts as it may.
   */
  heartbeat(tenantId: string, hostId: string, report: unknown): Promise<void>;
  get(tenantId: string, id: string): Promise<Host | undefined>;
  /** What ran on the host at its last heartbeat. */
  topProcesses(tenantId: string, id: string): Promise<TopProcesses>;
  list(
    tenantId: string,
    page: { limit: number; offset: number },
  ): Promise<{ items: Host[]; total: number }>;
  /** Reads the tenant's tags anew, where they were just changed here: the change feed would be a second late. */
  refresh(tenantId: string): Promise<void>;
  /** Called with the tenant whose tags changed, after `tagsOf` answers anew. */
  onChange(listener: (tenantId: string) => void): void;
  /** Loads the tags and begins to save signs of life. */
  start(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const flushMs = 5_000;
/** Signs of life kept while Postgres is away; hosts beyond it are noted when they are seen again. */
const maxPending = 50_000;

export function createHosts(deps: Deps): Hosts {
  const { store, changes, maxHostsOf, clock } = deps;
  const tags = new Map<string, Map<string, Tags>>();
  const listeners: ((tenantId: string) => void)[] = [];
  const signs = createSigns(async (seen) => {
    const unknown = seen.filter(({ tenantId, hostId }) => !tags.get(tenantId)?.has(hostId));
    if (unknown.length > 0) await store.register(unknown, maxHostsOf);
    await store.touch(seen);
  }, deps.log.child('hosts'));
  let timer: NodeJS.Timeout | undefined;

  async function refresh(tenantId: string): Promise<void> {
    const rows = await store.tagsOfTenant(tenantId);
    tags.set(tenantId, new Map(rows.map((row) => [row.hostId, row.tags])));
    for (const listener of listeners) listener(tenantId);
  }

  changes.on('hosts', refresh);
  return {
    refresh,
    tagsOf: (tenantId, hostId) => tags.get(tenantId)?.get(hostId),
    seen: signs.note,
    async heartbeat(tenantId, hostId, report) {
      const heartbeat = toHeartbeatReport(hostId, report);
      const atMs = clock.nowMs();
      if (await store.saveHeartbeat(tenantId, heartbeat, atMs)) return;
      await store.register([{ tenantId, hostId, atMs }], maxHostsOf);
      if (await store.saveHeartbeat(tenantId, heartbeat, atMs)) return;
      throw new GaugewayError('RATE_LIMIT_EXCEEDED', 'The tenant has as many hosts as it may', {
        retryAfterSeconds: 300,
      });
    },
    async topProcesses(tenantId, id) {
      const report = await store.lastReport(tenantId, id);
      return toTopProcesses(report?.reported['top_processes']);
    },
    get: (tenantId, id) => store.find(tenantId, id),
    list: (tenantId, page) => store.list(tenantId, page),
    onChange: (listener) => void listeners.push(listener),
    async start() {
      for (const row of await store.allTags()) {
        const ofTenant = tags.get(row.tenantId) ?? new Map<string, Tags>();
        tags.set(row.tenantId, ofTenant.set(row.hostId, row.tags));
      }
      timer ??= setInterval(() => void signs.flush(), flushMs).unref();
    },
    flush: signs.flush,
    async close() {
      clearInterval(timer);
      await signs.flush();
    },
  };
}

/** Collects signs of life; what could not be saved is saved with the next. */
function createSigns(save: (seen: readonly SeenHost[]) => Promise<void>, log: Logger) {
  let pending = new Map<string, SeenHost>();
  let saving: Promise<void> = Promise.resolve();

  async function savePending(): Promise<void> {
    if (pending.size === 0) return;
    const taken = pending;
    pending = new Map();
    try {
      await save([...taken.values()]);
    } catch (error) {
      pending = new Map([...taken, ...pending]);
      log.warn('signs of life not saved, will be tried again', { error: messageOf(error) });
    }
  }

  return {
    note: (tenantId: string, hostId: string, atMs: number): void => {
      const key = `${tenantId}\0${hostId}`;
      const host = pending.get(key);
      if (host) host.atMs = Math.max(host.atMs, atMs);
      else if (pending.size < maxPending) pending.set(key, { tenantId, hostId, atMs });
    },
    flush: (): Promise<void> => (saving = saving.then(savePending)),
  };
}
