import type { Collector } from '../collector.ts';

export interface NodeSelf {
  version: string;
  rssBytes: number;
  /** User and system time since the start. */
  cpuSeconds: number;
  startedSeconds: number;
}

/**
 * The agent in node_exporter's place: `up` as a scrape would have written it, the build that dashboards list their
 * instances from, and the process figures.
 */
export function createNodeSelfCollector(read: () => NodeSelf): Collector {
  return {
    name: 'node-self',
    emits: [],
    collect(_tick, emit) {
      const self = read();
      emit('up', 1);
      emit('node_exporter_build_info', 1, [['version', `gaugeway-agent ${self.version}`]]);
      emit('process_resident_memory_bytes', self.rssBytes);
      emit('process_cpu_seconds_total', self.cpuSeconds);
      emit('process_start_time_seconds', self.startedSeconds);
      return 'ok';
    },
  };
}
