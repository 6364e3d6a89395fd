import type { Emit, Labels } from '../collector.ts';
import type { CpuTimes } from '../procfs/stat.ts';

const ticksPerSecond = 100;

/** Falling further than this is a core that was away (node_exporter cpu_linux.go jumpBackSeconds: 3 s). */
const jumpBackTicks = 300;

const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;

interface Core {
  times: CpuTimes;
  labels: Readonly<Record<(typeof modes)[number], Labels>>;
  guestLabels: readonly [user: Labels, nice: Labels];
}

/** `node_cpu_seconds_total`: the kernel lets idle and iowait step back, a counter may not. */
export function createCpuCounters(
  withGuests: boolean,
): (cores: ReadonlyMap<string, CpuTimes>, emit: Emit) => void {
  const known = new Map<string, Core>();
  return (cores, emit) => {
    for (const [name, times] of cores) {
      let core = known.get(name);
      if (core === undefined || core.times.idle - times.idle >= jumpBackTicks) {
        core = { ...(core ?? labelled(name)), times: { ...times } };
        known.set(name, core);
      }
      for (const mode of modes) {
        if (times[mode] > core.times[mode]) core.times[mode] = times[mode];
        emit('node_cpu_seconds_total', core.times[mode] / ticksPerSecond, core.labels[mode]);
      }
      if (!withGuests) continue;
      emit('node_cpu_guest_seconds_total', times.guest / ticksPerSecond, core.guestLabels[0]);
      emit('node_cpu_guest_seconds_total', times.guestNice / ticksPerSecond, core.guestLabels[1]);
    }
  };
}

function labelled(cpu: string): Omit<Core, 'times'> {
  const labelsOf = (mode: string): Labels => [
    ['cpu', cpu],
    ['mode', mode],
  ];
  const labels = Object.fromEntries(modes.map((mode) => [mode, labelsOf(mode)]));
  return {
    labels: labels as Core['labels'],
    guestLabels: [labelsOf('user'), labelsOf('nice')],
  };
}
