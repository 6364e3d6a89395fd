import type { Collector, Labels } from './collector.ts';
import type { Procfs } from './procfs/root.ts';

/** Who the host is and what time it has, uname(2); read from /proc/sys/kernel, so that a mounted /host/proc tells the host's. */
export function createUnameCollector(procfs: Procfs, machine: string): Collector {
  let labels: Labels | undefined;
  return {
    name: 'uname',
    emits: [],
    collect(tick, emit) {
      labels ??= readLabels(procfs, machine);
      emit('node_uname_info', 1, labels);
      emit('node_time_seconds', tick.wallMs / 1000);
      return 'ok';
    },
  };
}

function readLabels(procfs: Procfs, machine: string): Labels {
  const read = (name: string) => procfs.read(`sys/kernel/${name}`).trim();
  return [
    ['domainname', read('domainname')],
    ['machine', machine],
    ['nodename', read('hostname')],
    ['release', read('osrelease')],
    ['sysname', read('ostype')],
    ['version', read('version')],
  ];
}
