import type { Collector } from './collector.ts';
import type { Procfs } from './procfs/root.ts';
import { fields, wholeLines } from './procfs/text.ts';
import type { NodeMetricName } from './node/metric.ts';

const single: Readonly<Record<string, NodeMetricName>> = {
  btime: 'node_boot_time_seconds',
  ctxt: 'node_context_switches_total',
  intr: 'node_intr_total',
  processes: 'node_forks_total',
  procs_running: 'node_procs_running',
  procs_blocked: 'node_procs_blocked',
};

/** The lines of /proc/stat beside the cores, proc_stat(5). `intr` may be many kilobytes: only its first number is read. */
export function createKernelCollector(procfs: Procfs): Collector {
  return {
    name: 'kernel',
    emits: [],
    collect(_tick, emit) {
      for (const line of wholeLines(procfs.read('stat'))) {
        if (line.startsWith('cpu')) continue;
        const name = single[line.slice(0, line.indexOf(' '))];
        if (name === undefined) continue;
        const from = line.indexOf(' ') + 1;
        const to = line.indexOf(' ', from);
        emit(name, Number(line.slice(from, to < 0 ? undefined : to)));
      }
      return 'ok';
    },
  };
}

/** /proc/vmstat: faults, paging, swapping and kills, node_exporter's default choice of its fields. */
export function createVmstatCollector(procfs: Procfs): Collector {
  const wanted = /^(oom_kill|pgpg|pswp|pg.*fault)/;
  return {
    name: 'vmstat',
    emits: [],
    collect(_tick, emit) {
      for (const line of wholeLines(procfs.read('vmstat'))) {
        if (line[0] !== 'o' && line[0] !== 'p') continue;
        if (!wanted.test(line)) continue;
        const [name = '', value = ''] = fields(line);
        emit(`node_vmstat_${name}`, Number(value));
      }
      return 'ok';
    },
  };
}
