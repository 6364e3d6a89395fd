import { createDeltas } from '../sample/delta.ts';
import type { Collector, Emit, Labels } from './collector.ts';
import { createLabelCache } from './node/labels.ts';
import type { NodeMetricName, Profile } from './node/metric.ts';
import { type NetworkStats, parseNetdev } from './procfs/netdev.ts';
import type { Procfs } from './procfs/root.ts';

const bitsPerByte = 8;
const bitsPerMegabit = 1e6;

/** The loopback and the many short-lived interfaces of containers and virtual machines. */
export const defaultNetworkExclude = /^(lo|veth.*|cali.*|docker\d+|br-.*|virbr.*|tap.*|ifb.*)$/;

/** One end per container: left out under node_exporter's names too, where all else is told as it would be there. */
export const isPerContainer = /^(veth|cali)/;

/**
 * @param path below the proc root; `net/dev` shows the reader's own network namespace, `1/net/dev` the host's.
 */
export function createNetworkCollector(
  procfs: Procfs,
  options: { path?: string; exclude?: RegExp; profile?: Profile } = {},
): Collector {
  const path = options.path ?? 'net/dev';
  const exclude = options.exclude ?? defaultNetworkExclude;
  const profile = options.profile ?? 'lean';
  const deltas = createDeltas();
  const labelsOf = createLabelCache('device');
  return {
    name: 'network',
    emits: ['net_tx_mbps', 'net_rx_mbps', 'net_errors', 'net_drops'],
    collect(tick, emit) {
      const devices = parseNetdev(procfs.read(path));
      deltas.begin(tick);
      for (const stats of devices) {
        const { device, receive, transmit } = stats;
        const labels = labelsOf(device);
        if (profile !== 'lean' && !isPerContainer.test(device)) {
          emitCounters(stats, labels, emit);
          if (profile === 'full') emitRest(stats.all, labels, emit);
        }
        if (exclude.test(device)) continue;
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

function emitCounters({ receive, transmit }: NetworkStats, labels: Labels, emit: Emit): void {
  emit('node_network_receive_bytes_total', receive.bytes, labels);
  emit('node_network_receive_packets_total', receive.packets, labels);
  emit('node_network_receive_errs_total', receive.errors, labels);
  emit('node_network_receive_drop_total', receive.drops, labels);
  emit('node_network_transmit_bytes_total', transmit.bytes, labels);
  emit('node_network_transmit_packets_total', transmit.packets, labels);
  emit('node_network_transmit_errs_total', transmit.errors, labels);
  emit('node_network_transmit_drop_total', transmit.drops, labels);
}

/** The other columns of /proc/net/dev, by their index. */
const rest: readonly (readonly [index: number, name: NodeMetricName])[] = [
  [4, 'node_network_receive_fifo_total'],
  [5, 'node_network_receive_frame_total'],
  [6, 'node_network_receive_compressed_total'],
  [7, 'node_network_receive_multicast_total'],
  [12, 'node_network_transmit_fifo_total'],
  [13, 'node_network_transmit_colls_total'],
  [14, 'node_network_transmit_carrier_total'],
  [15, 'node_network_transmit_compressed_total'],
];

function emitRest(all: readonly number[], labels: Labels, emit: Emit): void {
  for (const [index, name] of rest) emit(name, all[index]!, labels);
}
