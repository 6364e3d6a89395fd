/** Bounds of what is being handled at one moment. */
export interface AdmissionLimits {
  maxInflightBytes: number;
  maxInflightRequests: number;
  maxInflightPerTenant: number;
}

export type Refusal = 'inflight_bytes' | 'inflight_requests' | 'tenant_inflight_requests';

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

/** The first step: what does not fit is turned away before anything of it is read or decoded. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const perTenant = new Map<string, number>();
  let bytes = 0;
  let requests = 0;
  return {
    get inflightBytes() {
      return bytes;
    },
    get inflightRequests() {
      return requests;
    },
    admit(tenantId, declaredBytes) {
      const ofTenant = perTenant.get(tenantId) ?? 0;
      if (requests >= limits.maxInflightRequests) return 'inflight_requests';
      if (ofTenant >= limits.maxInflightPerTenant) return 'tenant_inflight_requests';
      if (bytes + declaredBytes > limits.maxInflightBytes && requests > 0) return 'inflight_bytes';
      let held = declaredBytes;
      let released = false;
      bytes += held;
      requests += 1;
      perTenant.set(tenantId, ofTenant + 1);
      return {
        grow(more) {
          if (bytes + more > limits.maxInflightBytes) return false;
          held += more;
          bytes += more;
          return true;
        },
        release() {
          if (released) return;
          released = true;
          bytes -= held;
          requests -= 1;
          const left = (perTenant.get(tenantId) ?? 1) - 1;
          if (left === 0) perTenant.delete(tenantId);
          else perTenant.set(tenantId, left);
        },
      };
    },
  };
}
