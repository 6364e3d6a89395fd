import type { Collector } from './collector.ts';
import type { NodeMetricName, Profile } from './node/metric.ts';
import { parseMeminfo } from './procfs/meminfo.ts';
import type { Procfs } from './procfs/root.ts';
import { ProcParseError } from './procfs/text.ts';

const kibPerMib = 1024;
const bytesPerKib = 1024;

/** What node-mixin and the open rows of "Node Exporter Full" (1860) read, of all the fields there are. */
const coreFields = [
  'Buffers',
  'Cached',
  'MemAvailable',
  'MemFree',
  'MemTotal',
  'SReclaimable',
  'Slab',
  'SwapFree',
  'SwapTotal',
];

export function createMemoryCollector(procfs: Procfs, profile: Profile = 'lean'): Collector {
  const nameOf = createNames();
  return {
    name: 'memory',
    emits: ['mem_used_pct', 'mem_used_mb', 'mem_available_mb', 'mem_cache_mb', 'mem_swap_pct'],
    collect(_tick, emit) {
      const kib = parseMeminfo(procfs.read('meminfo'));
      const total = need(kib, 'MemTotal');
      const available = need(kib, 'MemAvailable');
      emit('mem_used_pct', (100 * (total - available)) / total);
      emit('mem_used_mb', (total - available) / kibPerMib);
      emit('mem_available_mb', available / kibPerMib);
      const cache =
        need(kib, 'Cached') + need(kib, 'Buffers') + need(kib, 'SReclaimable') - need(kib, 'Shmem');
      emit('mem_cache_mb', Math.max(0, cache) / kibPerMib);
      const swap = need(kib, 'SwapTotal');
      emit('mem_swap_pct', swap === 0 ? 0 : (100 * (swap - need(kib, 'SwapFree'))) / swap);
      if (profile === 'lean') return 'ok';
      for (const field of profile === 'full' ? kib.keys() : coreFields) {
        const value = kib.get(field);
        if (value === undefined) continue;
        const name = nameOf(field);
        emit(name, name.endsWith('_bytes') ? value * bytesPerKib : value);
      }
      return 'ok';
    },
  };
}

/** `Active(anon)` is told as `Active_anon`; `HugePages_*` are counts, not KiB. */
function createNames(): (field: string) => NodeMetricName {
  const names = new Map<string, NodeMetricName>();
  return (field) => {
    let name = names.get(field);
    if (name === undefined) {
      const plain = field.replace(/\((.*)\)/, '_$1');
      name = `node_memory_${plain}${plain.startsWith('HugePages_') ? '' : '_bytes'}`;
      names.set(field, name);
    }
    return name;
  };
}

function need(values: ReadonlyMap<string, number>, name: string): number {
  const value = values.get(name);
  if (value === undefined) throw new ProcParseError(`meminfo: no whole line "${name}"`);
  return value;
}
