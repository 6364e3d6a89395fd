import { createHash } from 'node:crypto';
import type { Actor, AuditAction, AuditEntry } from '../access/index.ts';
import { GaugewayError, messageOf, type Clock, type Logger } from '../platform/index.ts';
import { hostIdSchema, type Host, type HostFields, type HostPatch } from './host.ts';
import type { HostStore } from './host-store.ts';
import { planImport, type HostImport, type ImportPlan } from './import-plan.ts';
import type { SeriesEraser } from './series-eraser.ts';

export interface NewHost extends HostFields {
  id?: string;
}

export interface Removed {
  /** Keys bound to the host, which would have made it anew at their next sample. */
  keysRevoked: number;
  series: 'kept' | 'deleted';
}

/** What administrators do to the inventory; each change and its audit row are one transaction. */
export interface Inventory {
  /** Throws CONFLICT where the id is taken, RATE_LIMIT_EXCEEDED where the tenant has as many hosts as it may. */
  create(tenantId: string, host: NewHost, by: Actor): Promise<Host>;
  change(host: Host, patch: HostPatch, by: Actor): Promise<Host>;
  /**
   * With `series: 'delete'` storage forgets what the host sent, also what was on its way. Throws UNAVAILABLE, nothing
   * done, where it cannot.
   */
  remove(host: Host, options: { series: 'keep' | 'delete' }, by: Actor): Promise<Removed>;
  /** Judges all rows, then applies those that are good, or none. */
  import(
    tenantId: string,
    wanted: HostImport,
    by: Actor,
  ): Promise<ImportPlan & { isDone: boolean }>;
}

interface Deps {
  store: HostStore;
  eraser: SeriesEraser;
  maxHostsOf: (tenantId: string) => number;
  /** Tags are labels of series, and keys were revoked: the write path must know at once. */
  changed: (tenantId: string) => Promise<void>;
  clock: Clock;
  log: Logger;
}

export function createInventory(deps: Deps): Inventory {
  const { store, eraser, maxHostsOf, changed, clock } = deps;
  const audited = auditor(clock);

  return {
    async create(tenantId, wanted, by) {
      const host = newHost(tenantId, wanted, clock.nowMs());
      const audit = audited('host_created', host, by, { after: factsOf(host) });
      const outcome = await store.create(host, { maxHosts: maxHostsOf(tenantId), audit });
      if (outcome === 'exists') {
        throw new GaugewayError('CONFLICT', 'there is a host of this id already', {
          details: { id: host.id },
        });
      }
      if (outcome === 'too_many_hosts') {
        throw new GaugewayError('RATE_LIMIT_EXCEEDED', 'The tenant has as many hosts as it may', {
          retryAfterSeconds: 300,
        });
      }
      await changed(tenantId);
      return host;
    },
    async change(host, patch, by) {
      const after = await store.change(host, patch, (changedHost) =>
        audited('host_updated', host, by, { before: factsOf(host), after: factsOf(changedHost) }),
      );
      if (!after) throw new GaugewayError('NOT_FOUND', 'There is no such host');
      await changed(host.tenantId);
      return after;
    },
    async remove(host, { series }, by) {
      // First: what storage refuses must not leave series without a host.
      if (series === 'delete') await eraser.erase(host.tenantId, host.id);
      const audit = audited('host_deleted', host, by, { before: factsOf(host), series });
      const keysRevoked = await store.remove(host, audit);
      await changed(host.tenantId);
      if (series === 'delete') eraseLater(deps, host);
      return { keysRevoked, series: series === 'delete' ? 'deleted' : 'kept' };
    },
    import: (tenantId, wanted, by) => importHosts(deps, tenantId, { wanted, by }),
  };
}

/** What was accepted before the keys were revoked, and lay in a queue: other replicas hear of it within seconds. */
const lateMs = [1_000, 10_000, 60_000];

function eraseLater({ eraser, log }: Deps, { tenantId, id }: Host): void {
  for (const waitMs of lateMs) {
    setTimeout(() => {
      eraser.erase(tenantId, id).catch((error: unknown) => {
        log.warn('what came late of a deleted host may be there', { error: messageOf(error) });
      });
    }, waitMs).unref();
  }
}

function auditor(clock: Clock) {
  return (
    action: AuditAction,
    { tenantId, id }: Pick<Host, 'tenantId' | 'id'>,
    by: Actor,
    details: AuditEntry['details'],
  ): AuditEntry => ({
    ...{ actor: by, tenantId, action, target: `host:${id}`, atMs: clock.nowMs() },
    ...(details ? { details } : {}),
  });
}

async function importHosts(
  { store, maxHostsOf, changed, clock }: Deps,
  tenantId: string,
  { wanted, by }: { wanted: HostImport; by: Actor },
): Promise<ImportPlan & { isDone: boolean }> {
  const audited = auditor(clock);
  const atMs = clock.nowMs();
  const maxHosts = maxHostsOf(tenantId);
  const make = (fields: NewHost): Host => newHost(tenantId, fields, atMs);
  const outcome = await store.importAll(tenantId, {
    ids: wanted.rows.map((row) => row.id ?? idFor(row.hostname)),
    plan: (existing, total) => {
      const plan = planImport(wanted, { existing, room: maxHosts - total, make });
      const isRefused = wanted.onError === 'abort' && plan.rejected.length > 0;
      return { plan, isDone: !wanted.dryRun && !isRefused };
    },
    audit: ({ action, before, after }) =>
      audited(action === 'create' ? 'host_created' : 'host_updated', after, by, {
        ...(before ? { before: factsOf(before) } : {}),
        ...{ after: factsOf(after), import: true },
      }),
  });
  if (outcome.isDone) await changed(tenantId);
  return { ...outcome.plan, isDone: outcome.isDone };
}

const factsOf = ({ hostname, ips, tags }: Host): Record<string, unknown> => ({
  hostname,
  ips,
  tags,
});

function newHost(tenantId: string, { id, hostname, ips, tags }: NewHost, atMs: number): Host {
  return {
    ...{ tenantId, id: id ?? idFor(hostname), hostname, ips, tags },
    ...{ hasGpu: false, agentVersion: null, createdAtMs: atMs, lastSeenAtMs: null },
  };
}

/** The hostname where it can be an id; a label value and a path segment. */
function idFor(hostname: string): string {
  const id = hostname.toLowerCase().slice(0, 63);
  if (hostIdSchema.safeParse(id).success) return id;
  // The same for the same name: a file that is imported twice makes its hosts once.
  return `host-${createHash('sha256').update(hostname).digest('hex').slice(0, 12)}`;
}
