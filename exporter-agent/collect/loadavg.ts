import type { Collector } from './collector.ts';
import { parseLoadavg } from './procfs/loadavg.ts';
import type { Procfs } from './procfs/root.ts';

export function createLoadavgCollector(procfs: Procfs, nodeNames = false): Collector {
  return {
    name: 'loadavg',
    emits: ['cpu_load1', 'cpu_load5', 'cpu_load15'],
    collect(_tick, emit) {
      const load = parseLoadavg(procfs.read('loadavg'));
      emit('cpu_load1', load.load1);
      emit('cpu_load5', load.load5);
      emit('cpu_load15', load.load15);
      if (!nodeNames) return 'ok';
      emit('node_load1', load.load1);
      emit('node_load5', load.load5);
      emit('node_load15', load.load15);
      return 'ok';
    },
  };
}
