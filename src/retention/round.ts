import { messageOf, sleep, type Clock, type Logger } from '../platform/index.ts';
import { createConfirmations, type Confirmations } from './confirmations.ts';
import type { TypeOf } from './kinds.ts';
import { findLate, nextCheckMs } from './late.ts';
import type { RetentionMeters } from './meters.ts';
import { nextTask, type PlanInput, type Task } from './plan.ts';
import type { Claim, Mark, RawSource, SliceKey, SliceStore, TierStore } from './ports.ts';
import { runSlice, type SliceTarget } from './slice.ts';
import { createTierSink } from './tier-sink.ts';
import { sliceMs, tierSpecs, type AggregateTier } from './tiers.ts';

export interface RoundDeps {
  raw: RawSource;
  /** The tiers that there are. */
  tiers: ReadonlyMap<AggregateTier, TierStore>;
  store: SliceStore;
  tenants: () => Promise<readonly string[]>;
  /** What the tenant's senders said of their metrics. */
  typesOf: (tenantId: string) => Promise<TypeOf>;
  /** Age at which no sample of a tenant is accepted any more, milliseconds. */
  closedAfterMs: (tenantId: string) => number;
  rawRetentionMs: number;
  /** Age at which a tier has surely written what it acknowledged to disk, milliseconds. */
  confirmAfterMs: number;
  meters: RetentionMeters;
  clock: Clock;
  log: Logger;
}

const lookAgainMs = 250;
const askedAtOnce = 10_000;

/** Marks of all tenants in all tiers; where one is missing, all that raw storage still has is to be done. */
export async function loadMarks(deps: RoundDeps): Promise<Mark[]> {
  const { store, tiers, clock, rawRetentionMs } = deps;
  const known = await store.marks();
  const firstMs = Math.ceil((clock.nowMs() - rawRetentionMs) / sliceMs) * sliceMs;
  const marks: Mark[] = [];
  for (const tenantId of await deps.tenants()) {
    for (const tier of tiers.keys()) {
      const mark = known.find((one) => one.tenantId === tenantId && one.tier === tier);
      marks.push({ ...(mark ?? { tenantId, tier, doneUntilMs: firstMs }) });
      if (!mark) await store.begin({ tenantId, tier, doneUntilMs: firstMs });
    }
  }
  return marks;
}

/** Everything that is due at this time, once; the caller holds the store. */
export class Round {
  private marks: Mark[] = [];
  private asked: SliceKey[] = [];
  private readonly usable: Set<AggregateTier>;
  /** Raw samples of these tenants could not be read. */
  private readonly stuck = new Set<string>();
  private readonly confirmations: Confirmations;
  private readonly deps: RoundDeps;

  constructor(deps: RoundDeps) {
    this.deps = deps;
    const { store, tiers, confirmAfterMs, clock, meters } = deps;
    this.usable = new Set(tiers.keys());
    this.confirmations = createConfirmations({
      ...{ stores: tiers, afterMs: confirmAfterMs, clock },
      async done(slice) {
        await store.done(slice);
        meters.slice(slice.tier, 'done');
      },
    });
  }

  /** Until nothing is due, or the signal. Rejects where Postgres does not answer or another worker took over. */
  async run(signal: AbortSignal): Promise<void> {
    this.marks = await loadMarks(this.deps);
    do {
      this.asked = [...(await this.deps.store.asked(askedAtOnce))];
      await this.workOff(signal);
    } while (!signal.aborted && (await this.findLate(signal)) > 0);
  }

  private async workOff(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const lost = await this.confirmations.settle();
      if (lost.length > 0) await this.startOver(lost[0]!.tier, lost.length);
      const task = nextTask(this.plan());
      if (task) await this.perform(task, signal);
      else if (this.confirmations.size > 0) await sleep(lookAgainMs, signal);
      else return;
    }
  }

  private plan(): PlanInput {
    const { clock, closedAfterMs } = this.deps;
    return {
      marks: this.marks.filter(({ tenantId }) => !this.stuck.has(tenantId)),
      asked: this.asked.filter(({ tenantId }) => !this.stuck.has(tenantId)),
      usable: this.usable,
      isClosed: (tenantId, endMs) => clock.nowMs() >= endMs + closedAfterMs(tenantId),
    };
  }

  private async perform(task: Task, signal: AbortSignal): Promise<void> {
    const { deps } = this;
    const begunMs = deps.clock.monotonicMs();
    const span = { startMs: task.startMs, endMs: task.startMs + sliceMs };
    const targets = await this.targetsOf(task);
    if (targets.length === 0) return;
    try {
      const typeOf = await deps.typesOf(task.tenantId);
      const total = await runSlice(
        deps,
        { tenantId: task.tenantId, span, targets, typeOf },
        signal,
      );
      deps.meters.read(total.samples, (deps.clock.monotonicMs() - begunMs) / 1_000);
      deps.meters.leftOut(total.leftOut);
      for (const target of targets) this.settleTarget(task, target, total.samples);
    } catch (error) {
      if (signal.aborted) return;
      this.stuck.add(task.tenantId);
      deps.log.warn('an hour was not aggregated, will be tried again', {
        ...{ tenant_id: task.tenantId, start: new Date(task.startMs).toISOString() },
        error: messageOf(error),
      });
    }
  }

  /** A tier that does not answer waits until the next round, and the others go on. */
  private async targetsOf({ tenantId, startMs, tiers }: Task): Promise<Target[]> {
    const targets: Target[] = [];
    for (const tier of tiers) {
      const tierStore = this.deps.tiers.get(tier)!;
      const life = await tierStore.life();
      if (life === undefined) {
        this.giveUp(tier, 'it does not answer');
        continue;
      }
      const claim = await this.deps.store.claim({ tenantId, tier, startMs });
      const spec = tierSpecs.find((one) => one.tier === tier)!;
      const slice = { spec, startMs, endMs: startMs + sliceMs, version: claim.version };
      targets.push({ tier, claim, life, slice, sink: createTierSink(tierStore, tenantId) });
    }
    return targets;
  }

  private settleTarget({ tenantId, startMs }: Task, target: Target, samples: number): void {
    const { tier, claim, sink, life } = target;
    const { clock, meters, rawRetentionMs } = this.deps;
    meters.written(tier, sink.samplesOut);
    if (sink.failure !== undefined) {
      this.giveUp(tier, sink.failure);
      return;
    }
    this.confirmations.add({
      ...{ tenantId, tier, startMs, ...claim, samples },
      checkMs: nextCheckMs(startMs, clock.nowMs(), rawRetentionMs),
      life: sink.samplesOut === 0 ? undefined : life,
    });
    const isOther = (slice: SliceKey) =>
      slice.tenantId !== tenantId || slice.tier !== tier || slice.startMs !== startMs;
    this.asked = this.asked.filter(isOther);
    for (const mark of this.marks) {
      if (!isOther({ ...mark, startMs: mark.doneUntilMs })) mark.doneUntilMs += sliceMs;
    }
  }

  private giveUp(tier: AggregateTier, why: string): void {
    this.usable.delete(tier);
    this.deps.meters.slice(tier, 'failed');
    this.deps.log.warn('a tier takes no samples, will be tried again', { tier, error: why });
  }

  /** The tier lost what it had acknowledged: from its marks on again. */
  private async startOver(tier: AggregateTier, slices: number): Promise<void> {
    const { store, meters, log } = this.deps;
    for (let lost = 0; lost < slices; lost += 1) meters.slice(tier, 'lost');
    log.warn('a tier restarted before its samples were surely on disk; they are written again', {
      ...{ tier, slices },
    });
    const others = <T extends { tier: AggregateTier }>(all: readonly T[]) =>
      all.filter((one) => one.tier !== tier);
    const ofTier = <T extends { tier: AggregateTier }>(all: readonly T[]) =>
      all.filter((one) => one.tier === tier);
    this.marks = [...others(this.marks), ...ofTier(await store.marks()).map((one) => ({ ...one }))];
    this.asked = [...others(this.asked), ...ofTier(await store.asked(askedAtOnce))];
  }

  private async findLate(signal: AbortSignal): Promise<number> {
    const { clock, log, meters } = this.deps;
    try {
      const late = await findLate(this.deps, clock.nowMs(), signal);
      for (let found = 0; found < late; found += 1) meters.late();
      return late;
    } catch (error) {
      log.warn('samples were not counted again, will be tried again', { error: messageOf(error) });
      return 0;
    }
  }
}

interface Target extends SliceTarget {
  tier: AggregateTier;
  claim: Claim;
  /** From before the first sample. */
  life: string;
}
