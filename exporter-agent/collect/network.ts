import { createDeltas } from '../sample/delta.ts';
import type { Collector, Labels } from './collector.ts';
import { parseNetdev } from './procfs/netdev.ts';
import type { Procfs } from './procfs/root.ts';

const bitsPerByte = 8;
const bitsPerMegabit = 1e6;

/** The loopback and the many short-lived interfaces of containers and virtual machines. */
export const defaultNetworkExclude = /^(lo|veth.*|cali.*|docker\d+|br-.*|virbr.*|tap.*|ifb.*)$/;

/**
 * @param path below the proc root; `net/dev` shows the reader's own network namespace, `1/net/dev` the host's.
 */
export function createNetworkCollector(
  procfs: Procfs,
  options: { path?: string; exclude?: RegExp } = {},
): Collector {
  const path = options.path ?? 'net/dev';
  const exclude = options.exclude ?? defaultNetworkExclude;
  const deltas = createDeltas();
  return {
    name: 'network',
    emits: ['net_tx_mbps', 'net_rx_mbps', 'net_errors', 'net_drops'],
    collect(tick, emit) {
      const devices = parseNetdev(procfs.read(path));
      deltas.begin(tick);
      for (const { device, receive, transmit } of devices) {
        if (exclude.test(device)) continue;
        const labels: Labels = [['device', device]];
        const rate = (field: string, value: number) =>
          deltas.perSecond(`${device} ${field}`, value);
        const toMegabits = bitsPerByte / bitsPerMegabit;
        const sent = rate('tx', transmit.bytes);
        const received = rate('rx', receive.bytes);
        const errors = rate('errors', receive.errors + transmit.errors);
        const drops = rate('drops', receive.drops + transmit.drops);
        if (sent !== undefined) emit('net_tx_mbps', sent * toMegabits, labels);
        if (received !== undefined) emit('net_rx_mbps', received * toMegabits, labels);
        if (errors !== undefined) emit('net_errors', errors, labels);
        if (drops !== undefined) emit('net_drops', drops, labels);
      }
      return devices.length === 0 ? 'not-on-this-host' : 'ok';
    },
  };
}
