import type { AuditEntry } from './audit.ts';
import type { Listed, Page } from './page.ts';
import type { PreparedUser } from './users.ts';

export const defaultTenantId = 'default';

export type WhitelistMode = 'reject' | 'drop' | 'observe';

/** What a tenant may use; a tenant's row holds only what differs from the installation's defaults. */
export interface TenantPolicy {
  samplesPerSecond: number;
  /** Samples that may come at once beyond the rate. */
  burstSamples: number;
  maxActiveSeries: number;
  /** How far back and ahead a timestamp may be, milliseconds. */
  timestampPastMs: number;
  timestampFutureMs: number;
  maxHosts: number;
  /** Different metric names of active series; at a gateway. */
  maxMetricNames: number;
  /** Of one series as posted; never more than the installation's. */
  maxLabels: number;
  maxLabelNameBytes: number;
  maxLabelValueBytes: number;
  /** For keys without a mode of their own; absent: by the kind of key (contract "Whitelist"). */
  whitelistMode?: WhitelistMode;
}

/** A suspended tenant is refused everything and keeps everything; one that is being deleted loses it. */
export type TenantStatus = 'active' | 'suspended' | 'deleting';

export interface Tenant {
  id: string;
  name: string;
  status: TenantStatus;
  /** Why it is not active, in the words of who did it. */
  statusReason: string | null;
  policy: Partial<TenantPolicy>;
  createdAtMs: number;
}

export interface StatusChange {
  from: readonly TenantStatus[];
  to: TenantStatus;
  reason: string | null;
}

export interface TenantStore {
  /** Adds the tenant, and its first administrator where one is given, or neither. */
  insert(
    tenant: Tenant,
    audit: AuditEntry,
    admin?: PreparedUser,
  ): Promise<'done' | 'id_taken' | 'email_taken'>;
  find(id: string): Promise<Tenant | undefined>;
  list(page: Page): Promise<Listed<Tenant>>;
  all(): Promise<Tenant[]>;
  update(
    id: string,
    change: Partial<Pick<Tenant, 'name' | 'policy'>>,
    audit: AuditEntry,
  ): Promise<void>;
  /** False where it was in none of the states `from`. A tenant that is no longer active has no sessions either. */
  setStatus(id: string, change: StatusChange, audit: AuditEntry): Promise<boolean>;
}
