import type { Collector } from './collector.ts';
import type { Procfs } from './procfs/root.ts';
import { parseSockstat } from './procfs/sockstat.ts';

/** From the kernel's own count; walking /proc/net/tcp costs in proportion to the connections. */
export function createSocketsCollector(procfs: Procfs, path = 'net/sockstat'): Collector {
  return {
    name: 'sockets',
    emits: ['net_sockets_active'],
    collect(_tick, emit) {
      emit('net_sockets_active', parseSockstat(procfs.read(path)).used);
      return 'ok';
    },
  };
}
