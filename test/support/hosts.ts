import { createInventory, createOverview, type Hosts } from '../../src/hosts/index.ts';
import { createHostSeries } from '../../src/host-metrics/index.ts';
import { createReadCache, hostRoutes, type Route } from '../../src/http/index.ts';
import { createMeters, silentLogger, type Clock } from '../../src/platform/index.ts';
import { createHostStore, type Postgres } from '../../src/storage/postgres/index.ts';

/** The inventory's routes over the real database, where storage has no samples. */
export function hostRoutesWithoutSamples({ knex }: Postgres, hosts: Hosts, clock: Clock): Route[] {
  const store = createHostStore(knex);
  const ask = { at: () => Promise.resolve([]), over: () => Promise.resolve([]) };
  return hostRoutes({
    ...{ hosts, clock },
    overview: createOverview({
      ...{ store, clock, log: silentLogger },
      figures: { of: () => Promise.resolve(new Map()) },
    }),
    inventory: createInventory({
      ...{ store, clock, maxHostsOf: () => 10, eraser: { erase: () => Promise.resolve() } },
      changed: (tenantId) => hosts.refresh(tenantId),
      log: silentLogger,
    }),
    series: createHostSeries({ ask, clock }),
    cache: createReadCache({ ttlMs: 0, maxBytes: 1_000_000, clock, meters: createMeters() }),
  });
}
