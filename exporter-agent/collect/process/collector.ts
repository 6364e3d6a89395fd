import { isContinued } from '../../sample/delta.ts';
import type { Collector, Tick } from '../collector.ts';
import { readPageBytes } from '../procfs/page-size.ts';
import type { Procfs } from '../procfs/root.ts';
import type { GpuUse } from './rank.ts';
import { createRanking, type ProcessPolicy, type ProcessSnapshot } from './ranking.ts';
import { createProcessScan } from './scan.ts';

export interface ProcessCollector extends Collector {
  /** Undefined until the first pass is over. */
  snapshot(): ProcessSnapshot | undefined;
  /** Where the policy is read from before each pass. */
  follow(policy: () => ProcessPolicy): void;
  /** Where GPU memory by pid comes from. */
  joinGpu(useOf: (pid: number) => GpuUse | undefined): void;
}

interface Deps {
  procfs: Procfs;
  /** CPU time of the agent so far, microseconds: what a pass has cost. */
  cpuMicros: () => number;
  /** Runs the rest of a pass when nothing else is waiting. */
  later: (work: () => void) => void;
}

/** So many processes are read within the tick, about 4 ms; more of them between other work. */
const perStep = 400;
/** Share of one core that scanning may take. */
const costShare = 0.003;
/** With thousands of busy processes the figures come more seldom, never less often than this. */
const longestMs = 30_000;

/**
 * The programs that use most, by name: a pid as a label would begin a series with every new process. What the host
 * runs right now, with pids, is in the snapshot (field notes: agent §1.5).
 */
export function createProcessCollector(deps: Deps): ProcessCollector {
  const scan = createProcessScan(deps.procfs);
  const ranking = createRanking(readPageBytes(deps.procfs) / 2 ** 20);
  let policyNow: () => ProcessPolicy = () => ({ topN: 10, mask: false });
  let last: Tick | undefined;
  let spacingMs = 0;
  let isScanning = false;
  let failure: unknown;

  /** As for any counter, but passes may lie further apart than ticks. */
  function isComparable(tick: Tick): boolean {
    const intervalMs = Math.max(tick.intervalMs, spacingMs);
    return last !== undefined && isContinued(last, { ...tick, intervalMs });
  }

  // Half a tick early rather than a whole tick late.
  const isDue = (tick: Tick) =>
    last === undefined || tick.monotonicMs - last.monotonicMs >= spacingMs - tick.intervalMs / 2;

  function start(tick: Tick, policy: ProcessPolicy): void {
    const continues = isComparable(tick);
    let costMicros = 0;
    const step = (): void => {
      const before = deps.cpuMicros();
      const isComplete = scan.step(perStep);
      if (isComplete) ranking.rank(scan.all(), { tick, policy, hasRates: continues });
      costMicros += deps.cpuMicros() - before;
      isScanning = !isComplete;
      if (isComplete) spacingMs = Math.min(longestMs, costMicros / 1000 / costShare);
      else deps.later(stepLater);
    };
    const stepLater = (): void => {
      try {
        step();
      } catch (error) {
        failure = error;
        isScanning = false;
      }
    };
    scan.begin(tick.monotonicMs, continues);
    last = tick;
    step();
  }

  return {
    name: 'processes',
    emits: ['proc_top_cpu_pct', 'proc_top_mem_mb', 'proc_top_gpu_mem_mb'],
    snapshot: () => ranking.snapshot(),
    follow: (policy) => (policyNow = policy),
    joinGpu: ranking.joinGpu,
    collect(tick, emit) {
      const policy = policyNow();
      if (policy.topN === 0) {
        ranking.clear();
        return 'ok';
      }
      if (isDue(tick) && !isScanning) start(tick, policy);
      const failed = failure;
      failure = undefined;
      if (failed !== undefined) throw failed as Error;
      return ranking.emit(emit) ? 'ok' : 'not-yet';
    },
  };
}
