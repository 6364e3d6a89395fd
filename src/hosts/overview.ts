import { LRUCache } from 'lru-cache';
import type { Figures, FiguresReader } from '../host-metrics/index.ts';
import { GaugewayError, messageOf, type Clock, type Logger } from '../platform/index.ts';
import type { Host, Tags } from './host.ts';
import type { HostStore } from './host-store.ts';
import { deriveStatus, type DerivedStatus, type HostStatus } from './status.ts';

/** A host as the dashboard shows it. */
export interface HostView extends DerivedStatus {
  host: Host;
  /** Undefined where it sent nothing in the last 90 s, or storage does not answer. */
  figures: Figures | undefined;
}

export interface HostFilter {
  /** All must hold. */
  tags?: Tags;
  /** Part of the id or the hostname, in any case. */
  search?: string;
  status?: HostStatus;
}

export interface HostList {
  items: HostView[];
  total: number;
  /** False where storage did not answer: figures are missing, and the status is of the heartbeat alone. */
  hasFigures: boolean;
}

export interface Overview {
  list(
    tenantId: string,
    filter: HostFilter,
    page: { limit: number; offset: number },
  ): Promise<HostList>;
  one(tenantId: string, id: string): Promise<HostView | undefined>;
  /** All of the tenant, or those of the ids that are there. Rejects with UNAVAILABLE where storage does not answer. */
  every(tenantId: string, ids?: readonly string[]): Promise<HostView[]>;
}

interface Deps {
  store: Pick<HostStore, 'list' | 'find' | 'matching'>;
  figures: FiguresReader;
  clock: Clock;
  log: Logger;
}

type TenantFigures = ReadonlyMap<string, Figures>;

/** A filter by status needs every host's figures; pages and users that ask within this time share them. */
const allFiguresMs = 3_000;
const maxTenants = 1_000;

export function createOverview(deps: Deps): Overview {
  const { store, clock } = deps;
  const log = deps.log.child('hosts');
  const ofTenant = new LRUCache<string, TenantFigures>({
    ...{ max: maxTenants, ttl: allFiguresMs, ttlResolution: 0 },
    perf: { now: () => clock.monotonicMs() },
    fetchMethod: (tenantId) => deps.figures.of(tenantId),
  });

  const view = (host: Host, figures: Figures | undefined): HostView => ({
    ...{ host, figures },
    ...deriveStatus(host, figures, clock.nowMs()),
  });

  async function byStatus(
    tenantId: string,
    { status, ...filter }: HostFilter,
    { limit, offset }: { limit: number; offset: number },
  ): Promise<HostList> {
    const [all, hosts] = await Promise.all([
      ofTenant.forceFetch(tenantId),
      store.matching(tenantId, filter),
    ]);
    const views = hosts.map((host) => view(host, all.get(host.id)));
    const matching = views.filter((one) => one.status === status);
    const items = matching.slice(offset, offset + limit);
    return { items, total: matching.length, hasFigures: true };
  }

  return {
    async list(tenantId, filter, page) {
      if (filter.status !== undefined) return byStatus(tenantId, filter, page);
      const { items, total } = await store.list(tenantId, page, filter);
      const figures = await figuresIfThere(deps.figures, log, { tenantId, hosts: items });
      return {
        items: items.map((host) => view(host, figures?.get(host.id))),
        total,
        hasFigures: figures !== undefined,
      };
    },
    async every(tenantId, ids) {
      const [all, hosts] = await Promise.all([
        ids ? deps.figures.of(tenantId, ids) : ofTenant.forceFetch(tenantId),
        store.matching(tenantId, ids ? { ids } : {}),
      ]);
      return hosts.map((host) => view(host, all.get(host.id)));
    },
    async one(tenantId, id) {
      const host = await store.find(tenantId, id);
      if (!host) return undefined;
      const figures = await figuresIfThere(deps.figures, log, { tenantId, hosts: [host] });
      return view(host, figures?.get(id));
    },
  };
}

async function figuresIfThere(
  figures: FiguresReader,
  log: Logger,
  { tenantId, hosts }: { tenantId: string; hosts: readonly Host[] },
): Promise<TenantFigures | undefined> {
  try {
    const ids = hosts.map(({ id }) => id);
    return await figures.of(tenantId, ids);
  } catch (error) {
    if (!(error instanceof GaugewayError) || error.code !== 'UNAVAILABLE') throw error;
    log.warn('hosts are listed without figures', { error: messageOf(error) });
    return undefined;
  }
}
