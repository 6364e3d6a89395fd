import { randomUUID } from 'node:crypto';
import type { Actor, Tenant, Tenants } from '../access/index.ts';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { Removal, RemovalStore } from './removal.ts';

export interface Removals {
  /**
   * Shuts the tenant at once and orders its deletion; asked again while that is under way, answers with the same one.
   * Throws CONFLICT for `default`.
   */
  request(tenant: Tenant, by: Actor): Promise<Removal>;
  /** The newest one of a tenant, which need not exist any more. */
  of(tenantId: string): Promise<Removal | undefined>;
}

interface Deps {
  store: RemovalStore;
  tenants: Pick<Tenants, 'condemn'>;
  clock: Clock;
}

export function createRemovals({ store, tenants, clock }: Deps): Removals {
  return {
    async request(tenant, by) {
      // In this order: a stop between the two leaves a tenant that is shut, and asking again goes on.
      if (tenant.status !== 'deleting') await tenants.condemn(tenant, by);
      const removal: Removal = {
        ...{ id: randomUUID(), tenantId: tenant.id, requestedBy: by.name },
        ...{ requestedAtMs: clock.nowMs(), status: 'waiting', step: 'waiting' },
        ...{ series: 0, seriesLeft: null, files: 0, rows: {}, error: null },
        ...{ finishedAtMs: null, verifiedAtMs: null },
      };
      if (await store.insert(removal)) return removal;
      const open = await store.find(tenant.id);
      if (open) return open;
      throw new GaugewayError('CONFLICT', 'this tenant is gone');
    },
    of: (tenantId) => store.find(tenantId),
  };
}
