import { messageOf, type Clock, type Logger, type Meters } from '../platform/index.ts';
import { createGate } from './gate.ts';
import { createRulerMeters } from './meters.ts';
import type { GroupLease, OfferedGroup, RulerStore } from './ports.ts';
import { retiredSet, type RuleSet } from './rule-set.ts';
import type { RuleSets } from './rule-sets.ts';
import { evaluateOnce, GroupRunner, type RunnerDeps } from './runner.ts';

export interface RulerConfig {
  /** How long a lease is good without being renewed: a dead ruler's groups move after it, milliseconds. */
  leaseTtlMs: number;
  /** Questions to storage at once. */
  concurrency: number;
}

export interface RulerDeps extends Omit<RunnerDeps, 'meters' | 'nowMs'> {
  sets: RuleSets;
  store: RulerStore;
  meters: Meters;
  clock: Clock;
  log: Logger;
  config: RulerConfig;
  /** From memory: groups of other tenants rest, and their alerts stay as they are. Nobody rests where absent. */
  isServed?: (tenantId: string) => boolean;
}

/** Evaluates its share of all groups. */
export interface Ruler {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Whether the database was heard within the life of a lease. */
  isLive(): boolean;
}

/** Looks at the rule files and at groups that nobody offers any more every so many beats. */
const beatsPerLook = 5;

const idOf = ({ tenantId, groupKey }: OfferedGroup | GroupLease) => `${tenantId}\0${groupKey}`;

const offerOf = ({ tenantId, key, rhythm }: RuleSet): OfferedGroup => ({
  tenantId,
  groupKey: key,
  intervalMs: rhythm.intervalMs,
});

export function createRuler(deps: RulerDeps): Ruler {
  return new LeasedRuler(deps);
}

class LeasedRuler implements Ruler {
  private readonly deps: RulerDeps;
  private readonly runnerDeps: RunnerDeps;
  private readonly runners = new Map<string, GroupRunner>();
  private sets: ReadonlyMap<string, RuleSet> = new Map();
  private offers: readonly OfferedGroup[] = [];
  /** The database's time less this machine's. */
  private offsetMs = 0;
  private heardMs = -Infinity;
  private beats = 0;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> = Promise.resolve();
  private isStopped = false;
  private isDeaf = false;

  constructor(deps: RulerDeps) {
    this.deps = deps;
    const gate = createGate(deps.config.concurrency);
    const { ask } = deps;
    this.runnerDeps = {
      ...deps,
      ask: (...question) => gate(() => ask(...question)),
      nowMs: () => deps.clock.nowMs() + this.offsetMs,
      meters: createRulerMeters(deps.meters, () => this.counts()),
    };
  }

  async start(): Promise<void> {
    await this.beat();
    this.next();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.beating;
    await Promise.all([...this.runners.values()].map((runner) => runner.stop()));
    this.runners.clear();
    await this.deps.store.release();
  }

  isLive(): boolean {
    return this.deps.clock.monotonicMs() - this.heardMs < this.deps.config.leaseTtlMs;
  }

  private next(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      this.beating = this.beat().finally(() => this.next());
    }, this.deps.config.leaseTtlMs / 5);
  }

  private async beat(): Promise<void> {
    const { log } = this.deps;
    try {
      if (this.beats % beatsPerLook === 0) await this.look();
      this.beats += 1;
      await this.share();
      if (this.isDeaf) log.info('leases are renewed again');
      this.isDeaf = false;
    } catch (error) {
      if (!this.isDeaf) log.warn('leases not renewed', { error: messageOf(error) });
      this.isDeaf = true;
    }
  }

  private async look(): Promise<void> {
    const { sets, store, config } = this.deps;
    if (await sets.reload()) {
      const all = sets.all();
      this.sets = new Map(all.map((set) => [idOf(offerOf(set)), set]));
      this.offers = all.map(offerOf);
      for (const [id, runner] of this.runners) {
        const set = this.sets.get(id);
        if (set) runner.use(set);
      }
    }
    // At each look: a ruler with other files may have taken a row away, or the database may have been away.
    await store.offer(this.offers);
    for (const lease of await store.takeRetired(this.offers, config.leaseTtlMs)) {
      // What a resting tenant has is not told to be over; it is looked at again when the lease has run out.
      if (!this.isResting(lease)) await this.retire(lease);
    }
  }

  private async share(): Promise<void> {
    const { store, clock, config } = this.deps;
    const beganMs = clock.monotonicMs();
    const { leases, nowMs } = await store.beat(this.offers, config.leaseTtlMs);
    this.offsetMs = nowMs - clock.nowMs();
    this.heardMs = beganMs;
    const held = new Map(leases.map((lease) => [idOf(lease), lease]));
    for (const [id, runner] of this.runners) {
      const isHeld = held.get(id)?.epoch === runner.lease.epoch;
      if (!isHeld || runner.hasEnded || this.isResting(runner.lease)) this.drop(id, runner);
    }
    for (const [id, lease] of held) {
      const set = this.sets.get(id);
      if (set && !this.runners.has(id) && !this.isResting(lease)) {
        this.runners.set(id, new GroupRunner(lease, set, this.runnerDeps));
      }
    }
  }

  private isResting({ tenantId }: GroupLease): boolean {
    return this.deps.isServed?.(tenantId) === false;
  }

  /** Its last evaluation may still run; the epoch keeps it from storing anything. */
  private drop(id: string, runner: GroupRunner): void {
    this.runners.delete(id);
    void runner.stop();
  }

  /** A group that is in no file any more is evaluated once, without rules, so that what fired is resolved. */
  private async retire(lease: GroupLease): Promise<void> {
    const { store } = this.deps;
    const { instances } = await store.load(lease);
    if (instances.some(({ instance }) => instance.state === 'firing')) {
      await evaluateOnce(lease, retiredSet(lease), this.runnerDeps);
    }
    await store.remove(lease);
  }

  private counts() {
    let pending = 0;
    let firing = 0;
    for (const runner of this.runners.values()) {
      const counts = runner.counts();
      pending += counts.pending;
      firing += counts.firing;
    }
    const badFiles = this.deps.sets.problems().length;
    return { groups: this.runners.size, pending, firing, badFiles };
  }
}
