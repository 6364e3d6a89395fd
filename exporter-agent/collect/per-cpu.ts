import type { Collector } from './collector.ts';
import { createLabelCache } from './node/labels.ts';
import type { NodeMetricName } from './node/metric.ts';
import { isMissing, type Procfs } from './procfs/root.ts';
import { fields, wholeLines } from './procfs/text.ts';

const nanosPerSecond = 1e9;

const softnetColumns: readonly (readonly [column: number, name: NodeMetricName])[] = [
  [0, 'node_softnet_processed_total'],
  [1, 'node_softnet_dropped_total'],
  [2, 'node_softnet_times_squeezed_total'],
];
const softnetCpuColumn = 12;

/** Packets taken from the network cards by each core: /proc/net/softnet_stat, hexadecimal (net/core/net-procfs.c). */
export function createSoftnetCollector(procfs: Procfs, net: string): Collector {
  const labelsOf = createLabelCache('cpu');
  return {
    name: 'softnet',
    emits: [],
    collect(_tick, emit) {
      for (const [index, line] of wholeLines(procfs.read(`${net}/softnet_stat`)).entries()) {
        const columns = line.split(' ');
        // Kernels before 5.14 do not say whose line it is, and leave none out.
        const cpu = columns[softnetCpuColumn];
        const labels = labelsOf(String(cpu === undefined ? index : Number.parseInt(cpu, 16)));
        for (const [column, name] of softnetColumns) {
          emit(name, Number.parseInt(columns[column] ?? '', 16), labels);
        }
      }
      return 'ok';
    },
  };
}

/** Time tasks ran and waited for each core: /proc/schedstat, Documentation/scheduler/sched-stats.rst. */
export function createSchedstatCollector(procfs: Procfs): Collector {
  const labelsOf = createLabelCache('cpu');
  return {
    name: 'schedstat',
    emits: [],
    collect(_tick, emit) {
      let text: string;
      try {
        text = procfs.read('schedstat');
      } catch (error) {
        if (isMissing(error)) return 'not-on-this-host';
        throw error;
      }
      for (const line of wholeLines(text)) {
        if (!line.startsWith('cpu')) continue;
        const [name = '', ...values] = fields(line);
        const [running, waiting, timeslices] = values.slice(6, 9).map(Number);
        if (timeslices === undefined) continue;
        const labels = labelsOf(name.slice(3));
        emit('node_schedstat_running_seconds_total', running! / nanosPerSecond, labels);
        emit('node_schedstat_waiting_seconds_total', waiting! / nanosPerSecond, labels);
        emit('node_schedstat_timeslices_total', timeslices, labels);
      }
      return 'ok';
    },
  };
}
