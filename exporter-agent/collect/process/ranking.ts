import type { Emit, Labels, Tick } from '../collector.ts';
import { createLabelCache } from '../node/labels.ts';
import { createMasker } from './mask.ts';
import {
  createSteadyChoice,
  leaders,
  sumByName,
  type GpuUse,
  type Measured,
  type NameFigures,
  type TopProcess,
} from './rank.ts';
import type { Process } from './scan.ts';

export interface ProcessPolicy {
  /** How many names lead in each figure; 0 switches the scan off. */
  topN: number;
  /** Names leave the host only as the first 8 hex digits of their SHA-256. */
  mask: boolean;
}

/** The pids behind the names, as of `at_ms` (wall clock). */
export interface ProcessSnapshot {
  at_ms: number;
  processes: TopProcess[];
}

interface Pass {
  tick: Tick;
  policy: ProcessPolicy;
  /** CPU time was compared with a reading before; otherwise nothing is known of it. */
  hasRates: boolean;
}

type Leading = readonly (readonly [labels: Labels, value: number])[];

interface Result {
  snapshot: ProcessSnapshot;
  cpu: Leading;
  mem: Leading;
  gpu: Leading;
}

/** What a pass over the processes comes to, kept until the next one is over. */
export function createRanking(mibPerPage: number) {
  const labelsOf = createLabelCache('process');
  const masked = createMasker();
  const steady = {
    cpu: createSteadyChoice(),
    mem: createSteadyChoice(),
    gpu: createSteadyChoice(),
  };
  let gpuOf: (pid: number) => GpuUse | undefined = () => undefined;
  let result: Result | undefined;

  function measure(processes: Iterable<Process>): Measured[] {
    const measured: Measured[] = [];
    for (const process of processes) {
      const memMib = process.rssPages * mibPerPage;
      measured.push({ process, memMib, gpu: gpuOf(process.pid) });
    }
    return measured;
  }

  return {
    joinGpu: (useOf: (pid: number) => GpuUse | undefined): void => void (gpuOf = useOf),
    snapshot: () => result?.snapshot,
    clear: () => (result = undefined),
    rank(processes: Iterable<Process>, { tick, policy, hasRates }: Pass): void {
      const measured = measure(processes);
      const sums = sumByName(measured);
      const nameOf = (name: string) => (policy.mask ? masked(name) : name);
      const leading = (choice: keyof typeof steady, figure: keyof NameFigures): Leading => {
        const bounds = { most: policy.topN, nowMs: tick.monotonicMs };
        const names = steady[choice](sums, figure, bounds);
        return names.map((name) => [labelsOf(nameOf(name)), sums.get(name)?.[figure] ?? 0]);
      };
      const rows = leaders(measured, policy.topN);
      for (const row of rows) row.name = nameOf(row.name);
      result = {
        snapshot: { at_ms: tick.wallMs, processes: rows },
        cpu: hasRates ? leading('cpu', 'cpuPercent') : [],
        mem: leading('mem', 'memMib'),
        gpu: leading('gpu', 'gpuMib'),
      };
    },
    /** False while there is nothing to tell. */
    emit(emit: Emit): boolean {
      if (result === undefined) return false;
      for (const [labels, value] of result.cpu) emit('proc_top_cpu_pct', value, labels);
      for (const [labels, value] of result.mem) emit('proc_top_mem_mb', value, labels);
      for (const [labels, value] of result.gpu) emit('proc_top_gpu_mem_mb', value, labels);
      return true;
    },
  };
}
