import { createDecodeKernel, encodeWriteRequest, type Label } from '../../../src/wire/index.ts';
import {
  createSeriesWriter,
  createVictoriaClient,
  type VictoriaTarget,
} from '../../../src/storage/victoria/index.ts';

const metrics = [
  ...['cpu_utilization', 'mem_used_pct', 'mem_swap_pct', 'cpu_load1', 'cpu_load5', 'cpu_load15'],
  ...['disk_used_pct', 'disk_iops_read', 'disk_iops_write', 'net_tx_mbps', 'net_rx_mbps'],
  'net_sockets_active',
];
const roles = ['web', 'db', 'cache', 'batch'];
const perRequest = 1_000;

export const roleOf = (host: number): string => roles[host % roles.length] ?? '';
export const hostName = (host: number): string => `h-${String(host)}`;
export const metricOf = (i: number): string => metrics[i % metrics.length] ?? '';

/** Of 50 hosts one is above 97, the others lie below 90: the same value at every moment. */
const valueOf = (host: number, metric: number): number =>
  host % 50 === metric ? 97 + (host % 7) / 10 : 20 + ((host * 31 + metric * 17) % 700) / 10;

interface Fleet {
  hosts: number;
  stepSeconds: number;
  /** Samples reach this far to both sides of now, so that a bench of some minutes finds them fresh. */
  minutes: number;
}

/** Twelve series a host, written past the gateway: the bench is of those who read. */
export async function fillFleet(target: VictoriaTarget, fleet: Fleet): Promise<void> {
  const client = createVictoriaClient(target);
  const writer = createSeriesWriter(client);
  const kernel = createDecodeKernel({
    maxDecodedBytes: 64 << 20,
    maxSeries: 100_000,
    maxKnownSeries: 16,
  });
  const times = timesOf(fleet);
  const all = Array.from({ length: fleet.hosts }, (_, host) => seriesOf(host)).flat();
  for (let from = 0; from < all.length; from += perRequest) {
    const series = all.slice(from, from + perRequest).map(({ labels, value }) => ({
      labels,
      samples: times.map((timestampMs) => ({ value, timestampMs })),
    }));
    const answer = await writer.write(
      [['tenant', 'default']],
      kernel.compress(encodeWriteRequest(series)),
    );
    if (answer.kind !== 'written') throw new Error(`fleet: ${JSON.stringify(answer)}`);
  }
  await writer.makeVisible();
  await client.close();
}

function timesOf({ stepSeconds, minutes }: Fleet): number[] {
  const stepMs = stepSeconds * 1_000;
  const firstMs = Math.floor((Date.now() - minutes * 60_000) / stepMs) * stepMs;
  const count = Math.ceil((2 * minutes * 60_000) / stepMs);
  return Array.from({ length: count }, (_, i) => firstMs + i * stepMs);
}

function seriesOf(host: number): { labels: Label[]; value: number }[] {
  return metrics.map((name, metric) => ({
    labels: [
      ['__name__', name],
      ['host_id', hostName(host)],
      ['role', roleOf(host)],
      ['zone', `zone-${String(host % 3)}`],
    ],
    value: valueOf(host, metric),
  }));
}
