import type { Mark, SliceKey } from './ports.ts';
import { sliceMs, type AggregateTier } from './tiers.ts';

/** An hour of one tenant that one or more tiers lack. */
export interface Task {
  tenantId: string;
  startMs: number;
  tiers: readonly AggregateTier[];
}

export interface PlanInput {
  /** Where each tenant stands in each tier, written and not yet done included. */
  marks: readonly Mark[];
  /** To be done again. */
  asked: readonly SliceKey[];
  /** Tiers that take samples. */
  usable: ReadonlySet<AggregateTier>;
  /** Whether no more samples of the time before are accepted from that tenant's senders. */
  isClosed: (tenantId: string, endMs: number) => boolean;
}

const key = (tenantId: string, startMs: number): string => `${String(startMs)} ${tenantId}`;

/** The oldest hour that is due, or else the oldest that is to be done again; tiers that lack the same one share it. */
export function nextTask({ marks, asked, usable, isClosed }: PlanInput): Task | undefined {
  const due = marks
    .filter(({ tier }) => usable.has(tier))
    .map(({ tenantId, tier, doneUntilMs }) => ({ tenantId, tier, startMs: doneUntilMs }))
    .filter(({ tenantId, startMs }) => isClosed(tenantId, startMs + sliceMs));
  return oldest(due) ?? oldest(asked.filter(({ tier }) => usable.has(tier)));
}

function oldest(slices: readonly SliceKey[]): Task | undefined {
  const tasks = new Map<string, { tenantId: string; startMs: number; tiers: AggregateTier[] }>();
  for (const { tenantId, tier, startMs } of slices) {
    const task = tasks.get(key(tenantId, startMs)) ?? { tenantId, startMs, tiers: [] };
    if (!task.tiers.includes(tier)) task.tiers.push(tier);
    tasks.set(key(tenantId, startMs), task);
  }
  return [...tasks.values()].reduce<Task | undefined>(
    (first, task) => (first === undefined || task.startMs < first.startMs ? task : first),
    undefined,
  );
}

/** How many hours of that tier are due. */
export function waitingOf(tier: AggregateTier, { marks, asked, isClosed }: PlanInput): number {
  let waiting = asked.filter((slice) => slice.tier === tier).length;
  for (const mark of marks) {
    if (mark.tier !== tier) continue;
    let endMs = mark.doneUntilMs + sliceMs;
    while (isClosed(mark.tenantId, endMs)) {
      waiting += 1;
      endMs += sliceMs;
    }
  }
  return waiting;
}
