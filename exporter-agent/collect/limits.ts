import type { Collector } from './collector.ts';
import { isMissing, type Procfs } from './procfs/root.ts';
import { ProcParseError, fields } from './procfs/text.ts';

/** Open files of the whole system and the most there may be: /proc/sys/fs/file-nr, proc_sys_fs(5). */
export function createFilefdCollector(procfs: Procfs): Collector {
  return {
    name: 'filefd',
    emits: [],
    collect(_tick, emit) {
      const [allocated, , maximum] = fields(procfs.read('sys/fs/file-nr'));
      if (allocated === undefined || maximum === undefined) {
        throw new ProcParseError('file-nr: three numbers expected');
      }
      emit('node_filefd_allocated', Number(allocated));
      emit('node_filefd_maximum', Number(maximum));
      return 'ok';
    },
  };
}

/** Tracked connections and the most there may be; absent where the kernel tracks none. */
export function createConntrackCollector(procfs: Procfs): Collector {
  const directory = 'sys/net/netfilter';
  return {
    name: 'conntrack',
    emits: [],
    collect(_tick, emit) {
      try {
        const count = Number(procfs.read(`${directory}/nf_conntrack_count`));
        emit('node_nf_conntrack_entries', count);
        emit(
          'node_nf_conntrack_entries_limit',
          Number(procfs.read(`${directory}/nf_conntrack_max`)),
        );
        return 'ok';
      } catch (error) {
        if (isMissing(error)) return 'not-on-this-host';
        throw error;
      }
    },
  };
}
