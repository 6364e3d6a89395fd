import type { Metric } from './metric.ts';

export const networkMetrics = [
  {
    apiName: 'net.tx_mbps',
    name: 'net_tx_mbps',
    kind: 'gauge',
    unit: 'Mbit/s',
    labels: ['device'],
    help: 'Sent by the interface, in Mbit/s (10^6 bits).',
    source: '/proc/net/dev: transmit bytes',
  },
  {
    apiName: 'net.rx_mbps',
    name: 'net_rx_mbps',
    kind: 'gauge',
    unit: 'Mbit/s',
    labels: ['device'],
    help: 'Received by the interface, in Mbit/s (10^6 bits).',
    source: '/proc/net/dev: receive bytes',
  },
  {
    apiName: 'net.errors',
    name: 'net_errors',
    kind: 'gauge',
    unit: 'packets/s',
    labels: ['device'],
    help: 'Packets with an error per second, both directions together.',
    source: '/proc/net/dev: receive errs + transmit errs',
  },
  {
    apiName: 'net.drops',
    name: 'net_drops',
    kind: 'gauge',
    unit: 'packets/s',
    labels: ['device'],
    help: 'Packets dropped per second, both directions together.',
    source: '/proc/net/dev: receive drop + transmit drop',
  },
  {
    apiName: 'net.sockets_active',
    name: 'net_sockets_active',
    kind: 'gauge',
    unit: 'sockets',
    labels: [],
    help: 'Sockets in use, of all families.',
    source: '/proc/net/sockstat: sockets used',
  },
] as const satisfies readonly Metric[];
