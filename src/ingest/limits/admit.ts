/** Bounds of what is being handled at one moment. */
export interface AdmissionLimits {
  /** Of all; one tenant may hold `tenantShare` of it. */
  maxInflightBytes: number;
  maxInflightRequests: number;
  maxInflightPerTenant: number;
}

/** A tenant that announces more than it sends, or sends it slowly, leaves the rest to the others. */
const tenantShare = 0.5;

export type Refusal =
  'inflight_bytes' | 'inflight_requests' | 'tenant_inflight_bytes' | 'tenant_inflight_requests';

/** Held from the first byte to the answer. */
export interface Ticket {
  /** Accounts for bytes that came without having been declared. */
  grow(bytes: number): boolean;
  release(): void;
}

export interface Admission {
  admit(tenantId: string, declaredBytes: number): Ticket | Refusal;
  readonly inflightBytes: number;
  readonly inflightRequests: number;
}

interface Held {
  bytes: number;
  requests: number;
}

/** The first step: what does not fit is turned away before anything of it is read or decoded. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const perTenant = new Map<string, Held>();
  const all: Held = { bytes: 0, requests: 0 };
  const maxTenantBytes = limits.maxInflightBytes * tenantShare;

  function refusal(tenant: Held | undefined, declaredBytes: number): Refusal | undefined {
    if (all.requests >= limits.maxInflightRequests) return 'inflight_requests';
    // What is alone passes whatever its size: it would never fit otherwise.
    if (all.requests > 0 && all.bytes + declaredBytes > limits.maxInflightBytes) {
      return 'inflight_bytes';
    }
    if (!tenant) return undefined;
    if (tenant.requests >= limits.maxInflightPerTenant) return 'tenant_inflight_requests';
    return tenant.bytes + declaredBytes > maxTenantBytes ? 'tenant_inflight_bytes' : undefined;
  }

  function ticketOf(tenantId: string, tenant: Held, declaredBytes: number): Ticket {
    let held = 0;
    let isReleased = false;
    const hold = (more: number): void => {
      held += more;
      all.bytes += more;
      tenant.bytes += more;
    };
    hold(declaredBytes);
    all.requests += 1;
    tenant.requests += 1;
    return {
      grow(more) {
        if (all.bytes + more > limits.maxInflightBytes) return false;
        if (tenant.requests > 1 && tenant.bytes + more > maxTenantBytes) return false;
        hold(more);
        return true;
      },
      release() {
        if (isReleased) return;
        isReleased = true;
        hold(-held);
        all.requests -= 1;
        tenant.requests -= 1;
        if (tenant.requests === 0) perTenant.delete(tenantId);
      },
    };
  }

  return {
    get inflightBytes() {
      return all.bytes;
    },
    get inflightRequests() {
      return all.requests;
    },
    admit(tenantId, declaredBytes) {
      const known = perTenant.get(tenantId);
      const refused = refusal(known, declaredBytes);
      if (refused) return refused;
      const tenant = known ?? { bytes: 0, requests: 0 };
      perTenant.set(tenantId, tenant);
      return ticketOf(tenantId, tenant, declaredBytes);
    },
  };
}
