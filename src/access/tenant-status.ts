import { GaugewayError, type Clock } from '../platform/index.ts';
import type { Actor } from './actor.ts';
import type { AuditAction, AuditEntry } from './audit.ts';
import {
  defaultTenantId,
  type StatusChange,
  type Tenant,
  type TenantStatus,
  type TenantStore,
} from './tenant.ts';

const steps: Readonly<
  Record<TenantStatus, { from: readonly TenantStatus[]; action: AuditAction; refusal: string }>
> = {
  suspended: {
    from: ['active', 'suspended'],
    action: 'tenant_suspended',
    refusal: 'this tenant is being deleted',
  },
  active: {
    from: ['suspended', 'active'],
    action: 'tenant_resumed',
    refusal: 'this tenant is being deleted',
  },
  deleting: {
    from: ['active', 'suspended'],
    action: 'tenant_deletion_requested',
    refusal: 'this tenant is being deleted already',
  },
};

interface Deps {
  store: TenantStore;
  clock: Clock;
  reload: (tenantId: string) => Promise<void>;
}

/** Which tenants are served, from memory, and how that changes. */
export function createStatuses({ store, clock, reload }: Deps) {
  const known = new Map<string, Pick<Tenant, 'status' | 'createdAtMs'> | 'gone'>();

  async function change(
    tenant: Tenant,
    wish: Omit<StatusChange, 'from'>,
    by: Actor,
  ): Promise<Tenant> {
    const { id } = tenant;
    if (id === defaultTenantId && wish.to !== 'active') {
      throw new GaugewayError('CONFLICT', `the tenant ${defaultTenantId} runs the installation`);
    }
    const { from, action, refusal } = steps[wish.to];
    // Listed in the installation's tenant: the other one's log goes with it, and nobody there can read it.
    const audit: AuditEntry = {
      ...{ actor: by, tenantId: defaultTenantId, action, target: `tenant:${id}` },
      ...{ atMs: clock.nowMs(), details: wish.reason === null ? {} : { reason: wish.reason } },
    };
    const done = await store.setStatus(id, { ...wish, from }, audit);
    if (!done) throw new GaugewayError('CONFLICT', refusal);
    await reload(id);
    return { ...tenant, status: wish.to, statusReason: wish.reason };
  }

  return {
    isActive(tenantId: string): boolean {
      const tenant = known.get(tenantId);
      return tenant === undefined || (tenant !== 'gone' && tenant.status === 'active');
    },
    /** Undefined: there is no such row any more. True where what was known of the id is over. */
    note(tenantId: string, tenant: Tenant | undefined): boolean {
      const before = known.get(tenantId);
      known.set(tenantId, tenant ?? 'gone');
      if (before === undefined || before === 'gone') return false;
      return before.createdAtMs !== tenant?.createdAtMs;
    },
    moves: {
      suspend: (tenant: Tenant, reason: string, by: Actor) =>
        change(tenant, { to: 'suspended', reason }, by),
      resume: (tenant: Tenant, by: Actor) => change(tenant, { to: 'active', reason: null }, by),
      condemn: (tenant: Tenant, by: Actor) => change(tenant, { to: 'deleting', reason: null }, by),
    },
  };
}
