import type { Collector, Labels } from './collector.ts';
import { createLabelCache } from './node/labels.ts';
import { isMissing, type Procfs } from './procfs/root.ts';
import { fields, wholeLines } from './procfs/text.ts';

/** Neighbours by interface: /proc/net/arp. */
export function createArpCollector(procfs: Procfs, net: string): Collector {
  const labelsOf = createLabelCache('device');
  return {
    name: 'arp',
    emits: [],
    collect(_tick, emit) {
      const entries = new Map<string, number>();
      for (const line of wholeLines(procfs.read(`${net}/arp`)).slice(1)) {
        const device = fields(line)[5];
        if (device !== undefined) entries.set(device, (entries.get(device) ?? 0) + 1);
      }
      for (const [device, count] of entries) emit('node_arp_entries', count, labelsOf(device));
      return 'ok';
    },
  };
}

const udpFiles = [
  ['udp', 'v4'],
  ['udp6', 'v6'],
] as const;

/** Bytes that wait in the queues of all UDP sockets: /proc/net/udp{,6}, `tx_queue:rx_queue` in hexadecimal. */
export function createUdpQueuesCollector(procfs: Procfs, net: string): Collector {
  const labelsOf = (queue: string, ip: string): Labels => [
    ['ip', ip],
    ['queue', queue],
  ];
  const tables = udpFiles.map(([file, ip]) => ({
    file,
    tx: labelsOf('tx', ip),
    rx: labelsOf('rx', ip),
  }));
  return {
    name: 'udp_queues',
    emits: [],
    collect(_tick, emit) {
      for (const { file, tx, rx } of tables) {
        let text: string;
        try {
          text = procfs.read(`${net}/${file}`);
        } catch (error) {
          // A kernel without IPv6 has no udp6.
          if (isMissing(error)) continue;
          throw error;
        }
        const bytes = sumQueues(text);
        emit('node_udp_queues', bytes.tx, tx);
        emit('node_udp_queues', bytes.rx, rx);
      }
      return 'ok';
    },
  };
}

function sumQueues(text: string): { tx: number; rx: number } {
  const sum = { tx: 0, rx: 0 };
  for (const line of wholeLines(text).slice(1)) {
    const [tx, rx] = (fields(line)[4] ?? '').split(':');
    if (tx === undefined || rx === undefined) continue;
    sum.tx += Number.parseInt(tx, 16);
    sum.rx += Number.parseInt(rx, 16);
  }
  return sum;
}
