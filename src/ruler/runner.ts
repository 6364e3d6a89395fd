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

/** Evaluates one group at its slots for as long as its lease is held. */
export class GroupRunner {
  readonly lease: GroupLease;
  private readonly deps: RunnerDeps;
  private set: RuleSet;
  private memory: GroupMemory | undefined;
  private lastSlotMs: number;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(lease: GroupLease, set: RuleSet, deps: RunnerDeps) {
    this.lease = lease;
    this.set = set;
    this.deps = deps;
    this.lastSlotMs = lease.lastSlotMs ?? -Infinity;
    this.wait();
  }

  /** It was told that another ruler has the group, or nobody. */
  get hasEnded(): boolean {
    return this.isStopped;
  }

  /** From the next slot on; its alerts stay. */
  use(set: RuleSet): void {
    if (set === this.set) return;
    this.set = set;
    clearTimeout(this.timer);
    this.running = this.running.finally(() => this.wait());
  }

  private get meterName(): string {
    return `${this.lease.tenantId}/${this.lease.groupKey}`;
  }

  counts(): { pending: number; firing: number } {
    return countAlerts(this.memory);
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.running;
    this.deps.meters.left(this.meterName);
  }

  private wait(): void {
    if (this.isStopped) return;
    clearTimeout(this.timer);
    const nowMs = this.deps.nowMs();
    const slotMs = slotAt(nowMs, this.set.rhythm);
    const nextMs = slotMs > this.lastSlotMs ? nowMs : slotMs + this.set.rhythm.intervalMs;
    this.timer = setTimeout(() => {
      this.running = this.run().finally(() => this.wait());
    }, nextMs - nowMs);
  }

  private async run(): Promise<void> {
    const { deps, lease } = this;
    const slotMs = slotAt(deps.nowMs(), this.set.rhythm);
    if (slotMs <= this.lastSlotMs) return;
    this.lastSlotMs = slotMs;
    try {
      await this.evaluate(slotMs);
    } catch (error) {
      // Whether the commit arrived is not known: what is in the rows is true, and is read again.
      this.memory = undefined;
      deps.meters.lost('database');
      deps.log.warn('evaluation not stored', { group: lease.groupKey, error: messageOf(error) });
    }
  }

  private async evaluate(slotMs: number): Promise<void> {
    const { deps, lease, set } = this;
    const startedMs = deps.clock.monotonicMs();
    this.memory ??= recall(lease, await deps.store.load(lease));
    const touched = await deps.store.touched(lease);
    const result = await runSlot(set, this.memory, slotMs, {
      touched,
      deps: slotDeps(lease, deps),
    });
    const seconds = (deps.clock.monotonicMs() - startedMs) / 1000;
    deps.meters.evaluated(this.meterName, result.outcomes, seconds);
    if (!this.isStopped) await this.keep(result, slotMs);
  }

  private async keep({ commit, memory }: SlotResult, slotMs: number): Promise<void> {
    const { store, meters, nowMs } = this.deps;
    if ((await store.commit(this.lease, commit)) === 'fenced') {
      meters.lost('fenced');
      this.isStopped = true;
      return;
    }
    this.memory = memory;
    meters.committed(commit.missed, (nowMs() - slotMs) / 1000);
  }
}

function countAlerts(memory: GroupMemory | undefined): { pending: number; firing: number } {
  const counts = { pending: 0, firing: 0, resolved: 0 };
  for (const { instances } of memory?.rules.values() ?? []) {
    for (const { state } of instances.values()) counts[state] += 1;
  }
  return counts;
}
