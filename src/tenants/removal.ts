import type { AuditEntry } from '../access/index.ts';

/** A deletion on its way, and the record of it that stays. */
export interface Removal {
  id: string;
  tenantId: string;
  requestedBy: string;
  requestedAtMs: number;
  /** `waiting` until senders have surely heard of it and what they sent is stored. */
  status: 'waiting' | 'running' | 'done';
  step: RemovalStep;
  /** Series that were current at its start. */
  series: number;
  /** Series that storage has at the last count; null before the first one. */
  seriesLeft: number | null;
  files: number;
  /** Rows that were removed, by table. */
  rows: Readonly<Record<string, number>>;
  /** Why the last try did not come to its end. */
  error: string | null;
  finishedAtMs: number | null;
  /** When it was last found that nothing is left. */
  verifiedAtMs: number | null;
}

export type RemovalStep = 'waiting' | 'series' | 'files' | 'rows' | 'proof' | 'done';

/** What a worker notes of its work. */
export type RemovalNote = Partial<Pick<Removal, 'step' | 'series' | 'seriesLeft' | 'files'>>;

interface Holder {
  id: string;
  holder: string;
}

/** Port. Calls of a holder that has lost its lease change nothing: they answer false or undefined. */
export interface RemovalStore {
  /** Undefined where one is open already. */
  insert(removal: Removal): Promise<boolean>;
  /** The newest one of the tenant. */
  find(tenantId: string): Promise<Removal | undefined>;
  /** One that was requested before, and that nobody works on. */
  claim(
    holder: string,
    bounds: { requestedBeforeMs: number; leaseMs: number },
  ): Promise<Removal | undefined>;
  /** Extends the lease too. */
  note(held: Holder, note: RemovalNote, leaseMs: number): Promise<boolean>;
  /** Every table with rows of tenants, those that refer to others first. */
  tables(): Promise<string[]>;
  /** Removes at most so many rows of a table and counts them in the same transaction. */
  removeRows(
    removal: Holder & { tenantId: string },
    table: string,
    options: { limit: number; leaseMs: number },
  ): Promise<number | undefined>;
  /** The tenant's own row goes last, with the audit entry that tells of it. */
  finish(removal: Holder & { tenantId: string }, atMs: number, audit: AuditEntry): Promise<boolean>;
  /** Lets it go; it is tried again by whoever comes next. */
  fail(held: Holder, error: string): Promise<void>;
  /**
   * One that was finished after and verified before, of a tenant that nobody made anew: to be looked at again. Marks it
   * as verified now, so that one worker does.
   */
  claimCheck(bounds: {
    finishedAfterMs: number;
    verifiedBeforeMs: number;
    nowMs: number;
  }): Promise<Removal | undefined>;
  noteCheck(id: string, found: { seriesLeft: number; series: number }): Promise<void>;
}

/** Port: a tenant's series in every VictoriaMetrics. Rejects with UNAVAILABLE where one does not answer. */
export interface TenantSeries {
  /** Current ones: `count({tenant=…})`. */
  count(tenantId: string): Promise<number>;
  /** Whether any is known, however old. */
  isThere(tenantId: string): Promise<boolean>;
  remove(tenantId: string): Promise<void>;
}

/** Port: files that were made for a tenant. */
export interface TenantFiles {
  /** Answers with how many there were. */
  removeOf(tenantId: string): Promise<number>;
}
