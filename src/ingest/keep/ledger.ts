import type { Clock } from '../../platform/index.ts';
import type { Reason } from '../judge/reason.ts';

/** One row of what was not stored: the last sight of it, and how often. */
export interface Rejection {
  tenantId: string;
  reason: Reason;
  /** In PromQL form; empty for a row that sums up a whole reason. */
  series: string;
  /** Name of the key that posted it. */
  sender: string;
  samples: number;
  firstAtMs: number;
  lastAtMs: number;
}

export interface LedgerStore {
  /** Adds the counts to the rows of the same tenant, reason, series and sender. */
  add(rows: readonly Rejection[]): Promise<void>;
}

/** Collects refusals in memory; `flush` hands them to Postgres. */
export interface Ledger {
  note(entry: Omit<Rejection, 'firstAtMs' | 'lastAtMs'>): void;
  flush(): Promise<void>;
  readonly pending: number;
}

/** Rows kept between flushes; beyond that only the sums by reason grow. */
const maxPending = 5_000;

export function createLedger(store: LedgerStore, clock: Clock): Ledger {
  let rows = new Map<string, Rejection>();
  return {
    get pending() {
      return rows.size;
    },
    note(entry) {
      const key = `${entry.tenantId}\0${entry.reason}\0${entry.sender}\0${entry.series}`;
      const nowMs = clock.nowMs();
      const row = rows.get(key);
      if (row) {
        row.samples += entry.samples;
        row.lastAtMs = nowMs;
        return;
      }
      if (rows.size >= maxPending && entry.series !== '') return;
      rows.set(key, { ...entry, firstAtMs: nowMs, lastAtMs: nowMs });
    },
    async flush() {
      if (rows.size === 0) return;
      const flushing = rows;
      rows = new Map();
      try {
        await store.add([...flushing.values()]);
      } catch (error) {
        for (const [key, row] of flushing) {
          const newer = rows.get(key);
          if (newer) {
            newer.samples += row.samples;
            newer.firstAtMs = row.firstAtMs;
          } else if (rows.size < maxPending || row.series === '') rows.set(key, row);
        }
        throw error;
      }
    },
  };
}
