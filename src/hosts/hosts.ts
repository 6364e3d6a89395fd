import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import type { HeartbeatReport, Host, Tags } from './host.ts';
import type { HostStore, SeenHost } from './host-store.ts';

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
  /** Saves what the agent said about itself, and registers its host; false where the tenant has too many. */
  heartbeat(tenantId: string, report: HeartbeatReport): Promise<boolean>;
  get(tenantId: string, id: string): Promise<Host | undefined>;
  list(
    tenantId: string,
    page: { limit: number; offset: number },
  ): Promise<{ items: Host[]; total: number }>;
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
  const log = deps.log.child('hosts');
  const tags = new Map<string, Map<string, Tags>>();
  const listeners: ((tenantId: string) => void)[] = [];
  let pending = new Map<string, SeenHost>();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  async function reload(tenantId: string): Promise<void> {
    const rows = await store.tagsOfTenant(tenantId);
    tags.set(tenantId, new Map(rows.map((row) => [row.hostId, row.tags])));
    for (const listener of listeners) listener(tenantId);
  }

  async function save(): Promise<void> {
    if (pending.size === 0) return;
    const saving = pending;
    pending = new Map();
    try {
      const all = [...saving.values()];
      const unknown = all.filter(({ tenantId, hostId }) => !tags.get(tenantId)?.has(hostId));
      if (unknown.length > 0) await store.register(unknown, maxHostsOf);
      await store.touch(all);
    } catch (error) {
      pending = new Map([...saving, ...pending]);
      log.warn('signs of life not saved, will be tried again', { error: messageOf(error) });
    }
  }

  const flush = (): Promise<void> => (flushing = flushing.then(save));

  changes.on('hosts', reload);
  return {
    tagsOf: (tenantId, hostId) => tags.get(tenantId)?.get(hostId),
    seen(tenantId, hostId, atMs) {
      const key = `${tenantId}\0${hostId}`;
      const host = pending.get(key);
      if (host) host.atMs = Math.max(host.atMs, atMs);
      else if (pending.size < maxPending) pending.set(key, { tenantId, hostId, atMs });
    },
    async heartbeat(tenantId, report) {
      const atMs = clock.nowMs();
      if (await store.saveHeartbeat(tenantId, report, atMs)) return true;
      await store.register([{ tenantId, hostId: report.hostId, atMs }], maxHostsOf);
      return store.saveHeartbeat(tenantId, report, atMs);
    },
    get: (tenantId, id) => store.find(tenantId, id),
    list: (tenantId, page) => store.list(tenantId, page),
    onChange: (listener) => void listeners.push(listener),
    async start() {
      for (const row of await store.allTags()) {
        const ofTenant = tags.get(row.tenantId) ?? new Map<string, Tags>();
        tags.set(row.tenantId, ofTenant.set(row.hostId, row.tags));
      }
      timer ??= setInterval(() => void flush(), flushMs).unref();
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
