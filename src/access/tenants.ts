import { GaugewayError, type Clock } from '../platform/index.ts';
import type { Actor } from './actor.ts';
import type { AuditEntry } from './audit.ts';
import type { Changes } from './changes.ts';
import type { Listed, Page } from './page.ts';
import type { Tenant, TenantPolicy, TenantStore } from './tenant.ts';
import { createStatuses } from './tenant-status.ts';
import { emailTaken, type PreparedUser } from './users.ts';

export interface Tenants {
  /** From memory; the defaults for a tenant that is not known yet. */
  policyOf(tenantId: string): TenantPolicy;
  /** From memory; true for a tenant that is not known yet, false for one that is gone. */
  isActive: (tenantId: string) => boolean;
  /** Throws CONFLICT when the id or the administrator's e-mail is taken, BAD_REQUEST when the id is no slug. */
  create(
    tenant: Pick<Tenant, 'id' | 'name' | 'policy'>,
    by: Actor,
    admin?: PreparedUser,
  ): Promise<Tenant>;
  get(id: string): Promise<Tenant | undefined>;
  list(page: Page): Promise<Listed<Tenant>>;
  update(
    tenant: Tenant,
    change: Partial<Pick<Tenant, 'name' | 'policy'>>,
    by: Actor,
  ): Promise<void>;
  /** All its credentials are refused and its rules rest until `resume`. Throws CONFLICT for `default`, and for one that is being deleted. */
  suspend(tenant: Tenant, reason: string, by: Actor): Promise<Tenant>;
  /** Throws CONFLICT for one that is being deleted. */
  resume(tenant: Tenant, by: Actor): Promise<Tenant>;
  /** The first step of a deletion, from which there is no way back. Throws CONFLICT for `default`. */
  condemn(tenant: Tenant, by: Actor): Promise<Tenant>;
  /** Fills the memory; to be called once before anything is served. */
  load(): Promise<void>;
  /** Called with the tenant that changed, after `policyOf` and `isActive` answer anew; `isEnded` where it is no more, or another one has its id. */
  onChange(listener: TenantListener): void;
}

type TenantListener = (tenantId: string, state: { isEnded: boolean }) => void;

interface Deps {
  store: TenantStore;
  changes: Changes;
  defaults: TenantPolicy;
  clock: Clock;
}

/** A label value in every series and a path segment: nothing that would have to be quoted. */
const slug = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export function createTenants({ store, changes, defaults, clock }: Deps): Tenants {
  const policies = new Map<string, TenantPolicy>();
  const statuses = createStatuses({ store, clock, reload });
  const listeners: TenantListener[] = [];

  async function reload(id: string): Promise<void> {
    const tenant = await store.find(id);
    const isEnded = statuses.note(id, tenant);
    if (tenant) policies.set(id, { ...defaults, ...tenant.policy });
    else policies.delete(id);
    for (const listener of listeners) listener(id, { isEnded });
  }

  changes.on('tenants', reload);
  const audited = (
    id: string,
    action: AuditEntry['action'],
    by: Actor,
    details: AuditEntry['details'] & object,
  ): AuditEntry => ({
    ...{ actor: by, tenantId: id, action, target: `tenant:${id}`, atMs: clock.nowMs(), details },
  });
  return {
    ...statuses.moves,
    isActive: (tenantId) => statuses.isActive(tenantId),
    policyOf: (tenantId) => policies.get(tenantId) ?? defaults,
    async create({ id, name, policy }, by, admin) {
      if (!slug.test(id)) {
        throw new GaugewayError(
          'BAD_REQUEST',
          'a tenant id has 1 to 63 of a-z, 0-9 and inner dashes',
        );
      }
      const tenant: Tenant = {
        ...{ id, name, policy, createdAtMs: clock.nowMs() },
        ...{ status: 'active', statusReason: null },
      };
      const details = { after: factsOf(tenant) };
      const audit = audited(id, 'tenant_created', by, details);
      const outcome = await store.insert(tenant, audit, admin);
      if (outcome === 'email_taken') throw emailTaken();
      if (outcome === 'id_taken') throw new GaugewayError('CONFLICT', 'this tenant exists already');
      await reload(id);
      return tenant;
    },
    get: (id) => store.find(id),
    list: (page) => store.list(page),
    async update(tenant, change, by) {
      const details = { before: factsOf(tenant), after: factsOf({ ...tenant, ...change }) };
      await store.update(tenant.id, change, audited(tenant.id, 'tenant_updated', by, details));
      await reload(tenant.id);
    },
    async load() {
      for (const tenant of await store.all()) {
        policies.set(tenant.id, { ...defaults, ...tenant.policy });
        statuses.note(tenant.id, tenant);
      }
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

const factsOf = ({ name, policy }: Tenant) => ({ name, policy });
