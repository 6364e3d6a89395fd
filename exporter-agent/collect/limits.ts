import type { Collector, Emit } from './collector.ts';
import type { Profile } from './node/metric.ts';
import { isMissing, type Procfs } from './procfs/root.ts';
import { ProcParseError, fields, wholeLines } from './procfs/text.ts';

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
export function createConntrackCollector(
  procfs: Procfs,
  options: { net: string; profile: Profile },
): Collector {
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
        if (options.profile === 'full') {
          emitConntrackStats(procfs.read(`${options.net}/stat/nf_conntrack`), emit);
        }
        return 'ok';
      } catch (error) {
        if (isMissing(error)) return 'not-on-this-host';
        throw error;
      }
    },
  };
}

const toldStats = new Set(
  'found invalid ignore insert insert_failed drop early_drop search_restart'.split(' '),
);

/** A line of names, then one per core, hexadecimal (net/netfilter/nf_conntrack_standalone.c). */
function emitConntrackStats(text: string, emit: Emit): void {
  const [names = [], ...cores] = wholeLines(text).map(fields);
  for (const [column, name] of names.entries()) {
    if (!toldStats.has(name)) continue;
    let sum = 0;
    for (const core of cores) sum += Number.parseInt(core[column] ?? '', 16);
    emit(`node_nf_conntrack_stat_${name}`, sum);
  }
}

/** Random bits at hand and the most there may be: random(4). */
export function createEntropyCollector(procfs: Procfs): Collector {
  return {
    name: 'entropy',
    emits: [],
    collect(_tick, emit) {
      const read = (file: string) => Number(procfs.read(`sys/kernel/random/${file}`));
      emit('node_entropy_available_bits', read('entropy_avail'));
      emit('node_entropy_pool_size_bits', read('poolsize'));
      return 'ok';
    },
  };
}
