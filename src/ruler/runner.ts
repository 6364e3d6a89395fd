import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import type { Ask } from './ask.ts';
import { recall, runSlot, type GroupMemory, type SlotDeps, type SlotResult } from './group.ts';
import type { RulerMeters } from './meters.ts';
import type { GroupLease, RulerStore } from './ports.ts';
import type { RuleSet } from './rule-set.ts';
import { slotAt } from './schedule.ts';

export interface RunnerDeps {
  store: RulerStore;
  ask: Ask;
  /** Remote-write 1.0, not compressed; false where storage did not take it. */
  write: (tenantId: string, body: Buffer, options: { isVisible: boolean }) => Promise<boolean>;
  channelsOf: (tenantId: string, names: readonly string[]) => readonly string[];
  terms: Pick<SlotDeps, 'repeatMs' | 'outageToleranceMs' | 'externalLabels' | 'externalUrl'>;
  newId: () => string;
  /** The database's time, milliseconds. */
  nowMs: () => number;
  clock: Clock;
  meters: RulerMeters;
  log: Logger;
}

/** Evaluates one group at its slots for as long as its lease is held. */
export interface GroupRunner {
  readonly lease: GroupLease;
  /** From the next slot on; its alerts stay. */
  use(set: RuleSet): void;
  counts(): { pending: number; firing: number };
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

/** One slot of a group that is not evaluated regularly; false where another ruler has it. */
export async function evaluateOnce(
  lease: GroupLease,
  set: RuleSet,
  deps: RunnerDeps,
): Promise<boolean> {
  const { store } = deps;
  const memory = recall(lease, await store.load(lease));
  const touched = await store.touched(lease);
  const slotMs = slotAt(deps.nowMs(), set.rhythm);
  const { commit } = await runSlot(set, memory, slotMs, { touched, deps: slotDeps(lease, deps) });
  return (await store.commit(lease, commit)) === 'committed';
}

function slotDeps({ tenantId }: GroupLease, deps: RunnerDeps): SlotDeps {
  return {
    ...deps.terms,
    ask: (expression, atMs) => deps.ask(tenantId, expression, atMs),
    async write(output, options) {
      if (!(await deps.write(tenantId, output.take(), options))) deps.meters.unwritten();
    },
    channelsOf: (names) => deps.channelsOf(tenantId, names),
    newId: deps.newId,
    monotonicMs: () => deps.clock.monotonicMs(),
  };
}

export function createGroupRunner(
  lease: GroupLease,
  first: RuleSet,
  deps: RunnerDeps,
): GroupRunner {
  const { store, clock, meters, log } = deps;
  let set = first;
  let memory: GroupMemory | undefined;
  let lastSlotMs = lease.lastSlotMs ?? -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;

  function wait(): void {
    if (isStopped) return;
    const nowMs = deps.nowMs();
    const slotMs = slotAt(nowMs, set.rhythm);
    const nextMs = slotMs > lastSlotMs ? nowMs : slotMs + set.rhythm.intervalMs;
    timer = setTimeout(() => {
      running = run().finally(wait);
    }, nextMs - nowMs);
  }

  async function run(): Promise<void> {
    const slotMs = slotAt(deps.nowMs(), set.rhythm);
    if (slotMs <= lastSlotMs) return;
    lastSlotMs = slotMs;
    try {
      await runOnce(slotMs);
    } catch (error) {
      // What is remembered is that of the last commit: the next slot goes on from there.
      meters.lost('database');
      log.warn('evaluation not stored', { group: lease.groupKey, error: messageOf(error) });
    }
  }

  async function runOnce(slotMs: number): Promise<void> {
    const startedMs = clock.monotonicMs();
    memory ??= recall(lease, await store.load(lease));
    const touched = await store.touched(lease);
    const result = await runSlot(set, memory, slotMs, { touched, deps: slotDeps(lease, deps) });
    meters.evaluated(result.outcomes, (clock.monotonicMs() - startedMs) / 1000);
    if (isStopped) return;
    await keep(result, slotMs);
  }

  async function keep({ commit, memory: next }: SlotResult, slotMs: number): Promise<void> {
    if ((await store.commit(lease, commit)) === 'fenced') {
      meters.lost('fenced');
      isStopped = true;
      return;
    }
    memory = next;
    meters.committed(commit.missed, (deps.nowMs() - slotMs) / 1000);
  }

  wait();
  return {
    lease,
    use(next) {
      if (next === set) return;
      set = next;
      clearTimeout(timer);
      running = running.finally(wait);
    },
    counts: () => countAlerts(memory),
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function countAlerts(memory: GroupMemory | undefined): { pending: number; firing: number } {
  const counts = { pending: 0, firing: 0, resolved: 0 };
  for (const { instances } of memory?.rules.values() ?? []) {
    for (const { state } of instances.values()) counts[state] += 1;
  }
  return counts;
}
