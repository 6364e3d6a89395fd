import type { Collector, Emit } from './collector.ts';
import type { NodeMetricName, Profile } from './node/metric.ts';
import { isMissing, type Procfs } from './procfs/root.ts';
import { readPageBytes } from './procfs/page-size.ts';
import { parseSockstat } from './procfs/sockstat.ts';
import { fields, wholeLines } from './procfs/text.ts';

interface Options {
  /** `net`, or the `1/net` of another namespace. */
  net?: string;
  profile?: Profile;
}

/** From the kernel's own count; walking /proc/net/tcp costs in proportion to the connections. */
export function createSocketsCollector(procfs: Procfs, options: Options = {}): Collector {
  const { net = 'net', profile = 'lean' } = options;
  let pageBytes: number | undefined;
  return {
    name: 'sockets',
    emits: ['net_sockets_active'],
    collect(_tick, emit) {
      const text = procfs.read(`${net}/sockstat`);
      emit('net_sockets_active', parseSockstat(text).used);
      if (profile !== 'full') return 'ok';
      pageBytes ??= readPageBytes(procfs);
      emitAll(text, pageBytes, emit);
      try {
        emitAll(procfs.read(`${net}/sockstat6`), undefined, emit);
      } catch (error) {
        // A kernel without IPv6 has no such file.
        if (!isMissing(error)) throw error;
      }
      return 'ok';
    },
  };
}

/** `TCP: inuse 5 orphan 0 tw 18 alloc 5 mem 102`; `mem` counts pages. */
function emitAll(text: string, pageBytes: number | undefined, emit: Emit): void {
  for (const line of wholeLines(text)) {
    const [head = '', ...pairs] = fields(line);
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const name: NodeMetricName = `node_sockstat_${head.slice(0, -1)}_${pairs[at]!}`;
      const value = Number(pairs[at + 1]);
      emit(name, value);
      if (pairs[at] === 'mem' && pageBytes !== undefined) emit(`${name}_bytes`, value * pageBytes);
    }
  }
}
