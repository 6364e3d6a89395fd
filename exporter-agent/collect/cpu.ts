import { isContinued } from '../sample/delta.ts';
import type { Collector, Tick } from './collector.ts';
import { createCpuCounters } from './node/cpu-counters.ts';
import { createLabelCache } from './node/labels.ts';
import type { Profile } from './node/metric.ts';
import type { Procfs } from './procfs/root.ts';
import { parseStat, type CpuTimes, type ProcStat } from './procfs/stat.ts';

/** Idle or iowait that falls by more is a core that was away, not rounding (node_exporter cpu_linux.go: 3 s). */
const hotplugTicks = 300;

/** One series per core up to here; hosts beyond it are read through `cpu_utilization`. */
const maxCores = 64;

export function createCpuCollector(procfs: Procfs, profile: Profile = 'lean'): Collector {
  const emitCounters = profile === 'lean' ? undefined : createCpuCounters(profile === 'full');
  const labelsOf = createLabelCache('core');
  let last: { tick: Tick; stat: ProcStat } | undefined;
  return {
    name: 'cpu',
    emits: ['cpu_utilization', 'cpu_core'],
    collect(tick, emit) {
      const stat = parseStat(procfs.read('stat'));
      const earlier = last && isContinued(last.tick, tick) ? last.stat : undefined;
      last = { tick, stat };
      emitCounters?.(stat.cores, emit);
      if (earlier === undefined) return 'not-yet';
      const total = busyPercent(earlier.total, stat.total);
      if (total !== undefined) emit('cpu_utilization', total);
      for (const [core, times] of stat.cores) {
        const before = earlier.cores.get(core);
        const busy = before && Number(core) < maxCores ? busyPercent(before, times) : undefined;
        if (busy !== undefined) emit('cpu_core', busy, labelsOf(core));
      }
      return 'ok';
    },
  };
}

/** 100 × (1 − (idle + iowait + steal) / all), the node-mixin's definition; undefined where no time is known to have passed. */
export function busyPercent(earlier: CpuTimes, later: CpuTimes): number | undefined {
  let all = 0;
  let still = 0;
  for (const mode of modes) {
    const grown = later[mode] - earlier[mode];
    if (grown < -hotplugTicks) return undefined;
    // The kernel lets idle and iowait step back by a little; that counts as no time.
    const ticks = Math.max(0, grown);
    all += ticks;
    if (mode === 'idle' || mode === 'iowait' || mode === 'steal') still += ticks;
  }
  return all === 0 ? undefined : (100 * (all - still)) / all;
}

const modes = [
  'user',
  'nice',
  'system',
  'idle',
  'iowait',
  'irq',
  'softirq',
  'steal',
] as const satisfies readonly (keyof CpuTimes)[];
