import {
  createFigures,
  createHostSeries,
  createStorageAsk,
  type AskMeters,
  type FiguresReader,
  type HostSeries,
} from '../host-metrics/index.ts';
import { createInventory, createOverview, type Overview } from '../hosts/index.ts';
import {
  createReadCache,
  hostImportRoutes,
  hostRoutes,
  metricRoutes,
  processRoutes,
  type ReadCache,
  type Route,
} from '../http/index.ts';
import { systemClock } from '../platform/index.ts';
import type { SeriesReader } from '../query/index.ts';
import { createHostStore, type Postgres } from '../storage/postgres/index.ts';
import { createSeriesEraser, type VictoriaClient } from '../storage/victoria/index.ts';
import type { Foundation } from './compose.ts';
import type { People } from './people.ts';

/** Answers of lists and graphs that are kept at once, bytes. */
const cacheBytes = 64 * 1024 * 1024;

export function readCacheOf({ loaded, meters }: Foundation): ReadCache {
  const { restCacheTtl: ttlMs } = loaded.config.http;
  return createReadCache({ ttlMs, maxBytes: cacheBytes, clock: systemClock, meters });
}

interface Stores {
  postgres: Postgres;
  victoria: VictoriaClient;
  reader: SeriesReader;
  cache: ReadCache;
  askMeters: AskMeters;
}

export interface HostsApi {
  routes: readonly Route[];
  series: HostSeries;
  overview: Overview;
  figures: FiguresReader;
}

/** The inventory and what its hosts did, as dashboards read it. */
export function hostsApi(foundation: Foundation, people: People, stores: Stores): HostsApi {
  const { log } = foundation;
  const { access, hosts } = people;
  const { cache, reader, victoria } = stores;
  const clock = systemClock;
  const store = createHostStore(stores.postgres.knex);
  const ask = createStorageAsk({ reader, clock, meters: stores.askMeters, asker: 'dashboard' });
  const figures = createFigures({ ask, clock });
  const series = createHostSeries({ ask, clock });
  const overview = createOverview({ store, figures, clock, log });
  const inventory = createInventory({
    ...{ store, eraser: createSeriesEraser(victoria), clock },
    maxHostsOf: (tenantId) => access.tenants.policyOf(tenantId).maxHosts,
    async changed(tenantId) {
      access.forget(tenantId);
      await hosts.refresh(tenantId);
    },
    log: log.child('hosts'),
  });
  const routes = [
    ...hostRoutes({ hosts, overview, inventory, series, cache, clock }),
    ...hostImportRoutes({ inventory }),
    ...metricRoutes({ hosts, series, cache }),
    ...processRoutes({ hosts }),
  ];
  return { routes, series, overview, figures };
}
