import { store, type StoredSeries } from '../../support/samples.ts';
import { databaseOf } from '../../support/sql.ts';
import type { Product, Stage, startStorage } from '../../support/stage.ts';

export interface Fleet {
  hosts: readonly string[];
  /** All are alive for the next quarter of an hour, whatever their agents would do. */
  beat: () => Promise<void>;
}

interface FleetOptions {
  count: number;
  /** How far samples reach back, and their distance, milliseconds. */
  forMs: number;
  stepMs: number;
}

const aheadMs = 900_000;
/** Hosts whose samples are made at once. */
const atOnce = 50;

/** Hosts with tags, and samples as their agents send them: processor, memory, two disks, two cards, a GPU in each fourth. */
export async function makeFleet(
  stage: Stage,
  product: Product,
  storage: Awaited<ReturnType<typeof startStorage>>,
  { count, forMs, stepMs }: FleetOptions,
): Promise<Fleet> {
  const hosts = Array.from({ length: count }, (_, i) => `host-${String(i).padStart(4, '0')}`);
  await importHosts(product, hosts);
  // Ahead too: rounds that follow find samples of their own moment.
  const untilMs = Math.floor(Date.now() / stepMs) * stepMs + Math.min(aheadMs, forMs);
  const times = Array.from(
    { length: Math.floor((forMs + Math.min(aheadMs, forMs)) / stepMs) },
    (_, i) => untilMs - i * stepMs,
  );
  for (let from = 0; from < count; from += atOnce) {
    const some = hosts.slice(from, from + atOnce);
    await store(
      storage.target,
      some.flatMap((hostId, i) => seriesOf(hostId, from + i, times)),
    );
  }
  const knex = databaseOf(stage, product);
  const beat = async (): Promise<void> => {
    await knex('hosts').update({ last_seen_at: knex.raw(`now() + interval '10 minutes'`) });
  };
  await beat();
  return { hosts, beat };
}

export async function importHosts(product: Product, hosts: readonly string[]): Promise<void> {
  const lines = hosts.map((name, i) => {
    const role = ['web', 'db', 'cache', 'batch'][i % 4] ?? '';
    return `${name},10.${String(i >> 8)}.${String(i & 255)}.1,"role:${role},rack:r${String(i % 20)}"`;
  });
  for (let from = 0; from < lines.length; from += 5_000) {
    const answer = await fetch(`${product.url}/api/v1/hosts/import`, {
      method: 'POST',
      headers: { authorization: product.adminToken, 'content-type': 'text/csv' },
      body: ['hostname,ips,tags', ...lines.slice(from, from + 5_000)].join('\n'),
    });
    if (!answer.ok) throw new Error(`import: ${String(answer.status)} ${await answer.text()}`);
  }
}

function seriesOf(hostId: string, n: number, times: readonly number[]): StoredSeries[] {
  // One in forty is hot, one in ten is warm; the others breathe.
  const base = n % 40 === 0 ? 93 : n % 10 === 0 ? 75 : 10 + (n % 40);
  const points = (level: number, swing: number): (readonly [number, number])[] =>
    times.map((at) => [at, level + swing * (((at / 5_000 + n * 7) % 13) / 13)] as const);
  const one = (metric: string, level: number, labels: Record<string, string> = {}) => ({
    ...{ metric, hostId, labels },
    points: points(level, 3),
  });
  return [
    one('cpu_utilization', base),
    one('mem_used_pct', 30 + (n % 35)),
    one('disk_used_pct', 40, { device: 'sda1', mountpoint: '/', fstype: 'ext4' }),
    one('disk_used_pct', 20 + (n % 45), { device: 'sdb1', mountpoint: '/data', fstype: 'xfs' }),
    ...['eth0', 'eth1'].flatMap((device) => [
      one('net_tx_mbps', n % 100, { device }),
      one('net_rx_mbps', n % 80, { device }),
    ]),
    ...(n % 4 === 0 ? [one('gpu_utilization', 50 + (n % 30), { gpu: '0', model: 'H100' })] : []),
  ];
}
