import type { DecodeKernel } from '../../wire/index.ts';
import type { Scopes } from './scopes.ts';

/** How many accepted series each tenant has had within the last hour. */
export interface ActiveSeries {
  countOf(tenantId: string): number;
  added(tenantId: string): void;
  entries(): Iterable<readonly [tenantId: string, series: number]>;
  /** Forgets series not seen for an hour and verdicts of rules no longer in force. */
  expire(nowMs: number): void;
}

const activeMinutes = 60;
/** 2020-01-01, so that minutes fit the 24 bits that the table has for them. */
const firstMinute = 26_297_280;

export function minuteOf(nowMs: number): number {
  return Math.floor(nowMs / 60_000) - firstMinute;
}

export function createActiveSeries(kernel: DecodeKernel, scopes: Scopes): ActiveSeries {
  let counts = new Map<string, number>();
  return {
    countOf: (tenantId) => counts.get(tenantId) ?? 0,
    added: (tenantId) => void counts.set(tenantId, (counts.get(tenantId) ?? 0) + 1),
    entries: () => counts,
    expire(nowMs) {
      kernel.table.expire(minuteOf(nowMs) - activeMinutes, (scope) => scopes.isCurrent(scope));
      counts = new Map();
      for (const [scopeId, series] of kernel.table.counts()) {
        const tenantId = scopes.byId(scopeId)?.tenantId;
        if (tenantId !== undefined) counts.set(tenantId, (counts.get(tenantId) ?? 0) + series);
      }
    },
  };
}
