import { messageOf, type Clock, type Logger, type Meters } from '../platform/index.ts';
import type { BudgetLimits, BudgetName, TenantLoad, UsageRow } from './figures.ts';
import { createRates } from './rates.ts';
import { registerUsage } from './usage-meters.ts';

/** Port. */
export interface UsageStore {
  /** Sums are added to, the most of two is kept; rows of tenants that are gone are left out. */
  add(rows: readonly UsageRow[]): Promise<void>;
  /** In order of time; hours in which nothing was used have no row. */
  read(tenantId: string, bounds: { fromMs: number; untilMs: number }): Promise<UsageRow[]>;
}

/** `limit` null: none. */
export interface Budget {
  limit: number | null;
  /** The average of the busiest hour for samples, the most for the others. */
  used: number;
}

export interface UsageReport {
  hours: UsageRow[];
  total: Omit<UsageRow, 'tenantId' | 'hourMs'>;
  budgets: Record<BudgetName, Budget>;
}

export interface Usage {
  wrote(tenantId: string, what: { samples: number; refused: number; bytes: number }): void;
  asked(tenantId: string, bytes: number): void;
  report(tenantId: string, bounds: { fromMs: number; untilMs: number }): Promise<UsageReport>;
  start(): void;
  /** Saves what is pending. */
  stop(): Promise<void>;
  flush(): Promise<void>;
}

interface Deps {
  store: UsageStore;
  limitsOf: (tenantId: string) => BudgetLimits;
  /** Of this process's gateway; none without one. */
  loads: () => readonly TenantLoad[];
  clock: Clock;
  log: Logger;
  meters: Meters;
}

const flushMs = 10_000;
const hour = 3_600_000;

export function createUsage(deps: Deps): Usage {
  const { store, clock } = deps;
  const log = deps.log.child('tenants');
  const rates = createRates(clock);
  const pending = createPending(clock);
  const { rowOf } = pending;
  const totals = registerUsage(deps.meters, { ...deps, rateOf: rates.perSecond });
  let timer: NodeJS.Timeout | undefined;
  let saving: Promise<void> = Promise.resolve();

  async function save(): Promise<void> {
    for (const { tenantId, activeSeries, metricNames } of deps.loads()) {
      const row = rowOf(tenantId);
      row.activeSeries = Math.max(row.activeSeries, activeSeries);
      row.metricNames = Math.max(row.metricNames, metricNames);
    }
    const rows = pending.take();
    if (rows.length === 0) return;
    try {
      await store.add(rows);
    } catch (error) {
      pending.putBack(rows);
      log.warn('usage of tenants not saved, will be tried again', { error: messageOf(error) });
    }
  }

  const flush = (): Promise<void> => (saving = saving.then(save));
  return {
    flush,
    wrote(tenantId, { samples, refused, bytes }) {
      const row = rowOf(tenantId);
      row.samples += samples;
      row.refusedSamples += refused;
      row.bytesWritten += bytes;
      rates.add(tenantId, samples);
      totals.wrote(tenantId, bytes);
    },
    asked(tenantId, bytes) {
      const row = rowOf(tenantId);
      row.queries += 1;
      row.bytesRead += bytes;
      totals.asked(tenantId, bytes);
    },
    async report(tenantId, bounds) {
      const hours = await store.read(tenantId, bounds);
      return reportOf(hours, deps.limitsOf(tenantId));
    },
    start: () => void (timer ??= setInterval(() => void flush(), flushMs).unref()),
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}

const emptyRow = (tenantId: string, hourMs: number): UsageRow => ({
  ...{ tenantId, hourMs, samples: 0, refusedSamples: 0, bytesWritten: 0 },
  ...{ queries: 0, bytesRead: 0, activeSeries: 0, metricNames: 0 },
});

/** What was not saved yet, a row for each tenant and hour. */
function createPending(clock: Clock) {
  const pending = new Map<string, UsageRow>();
  const keyOf = ({ tenantId, hourMs }: UsageRow) => `${tenantId}\0${hourMs}`;
  return {
    rowOf: (tenantId: string): UsageRow => {
      const empty = emptyRow(tenantId, Math.floor(clock.nowMs() / hour) * hour);
      const known = pending.get(keyOf(empty));
      if (!known) pending.set(keyOf(empty), empty);
      return known ?? empty;
    },
    take(): UsageRow[] {
      const rows = [...pending.values()];
      pending.clear();
      return rows;
    },
    putBack(rows: readonly UsageRow[]): void {
      for (const row of rows) {
        const newer = pending.get(keyOf(row));
        pending.set(keyOf(row), newer ? { ...row, ...sumOf([row, newer]) } : row);
      }
    },
  };
}

function sumOf(rows: readonly UsageRow[]): UsageReport['total'] {
  const sum = (read: (row: UsageRow) => number) =>
    rows.reduce((running, row) => running + read(row), 0);
  const most = (read: (row: UsageRow) => number) =>
    rows.reduce((running, row) => Math.max(running, read(row)), 0);
  return {
    samples: sum((row) => row.samples),
    refusedSamples: sum((row) => row.refusedSamples),
    bytesWritten: sum((row) => row.bytesWritten),
    queries: sum((row) => row.queries),
    bytesRead: sum((row) => row.bytesRead),
    activeSeries: most((row) => row.activeSeries),
    metricNames: most((row) => row.metricNames),
  };
}

function reportOf(hours: UsageRow[], limits: BudgetLimits): UsageReport {
  const total = sumOf(hours);
  const busiest = hours.reduce((most, { samples }) => Math.max(most, samples), 0);
  const limit = (value: number) => (value === Number.MAX_SAFE_INTEGER ? null : value);
  return {
    ...{ hours, total },
    budgets: {
      samples_per_second: {
        ...{ limit: limit(limits.samplesPerSecond), used: (busiest * 1_000) / hour },
      },
      active_series: { limit: limit(limits.maxActiveSeries), used: total.activeSeries },
      metric_names: { limit: limit(limits.maxMetricNames), used: total.metricNames },
    },
  };
}
