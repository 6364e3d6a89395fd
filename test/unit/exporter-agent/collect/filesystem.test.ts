import { describe, expect, it } from 'vitest';
import type { Tick } from '../../../../exporter-agent/collect/collector.ts';
import {
  createFilesystemCollector,
  selectMounts,
  type BlockCounts,
} from '../../../../exporter-agent/collect/filesystem.ts';
import { parseMountinfo } from '../../../../exporter-agent/collect/procfs/mountinfo.ts';

const mountinfo = `1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:2 / /data rw shared:1 master:2 - xfs /dev/sda2 rw
3 1 0:40 / /mnt/nfs rw - nfs4 server:/x rw
`;

function setUp(options: { network?: boolean } = {}) {
  const asked: { mountPoint: string; answer: (counts: BlockCounts | Error) => void }[] = [];
  const collector = createFilesystemCollector({
    procfs: { read: () => mountinfo },
    statfs: (mountPoint) =>
      new Promise((resolve, reject) => {
        const answer = (counts: BlockCounts | Error) =>
          counts instanceof Error ? reject(counts) : resolve(counts);
        asked.push({ mountPoint, answer });
      }),
    options,
  });
  const collect = (monotonicMs: number) => {
    const shown: string[] = [];
    const tick: Tick = { wallMs: 0, monotonicMs, intervalMs: 5_000, bootId: 'b' };
    collector.collect(tick, (_name, value, labels = []) => {
      shown.push(`${new Map(labels).get('mountpoint')}=${value}`);
    });
    return shown;
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { asked, collector, collect, settle };
}

const half: BlockCounts = { blocks: 100, bfree: 50, bavail: 50, bsize: 4096, files: 9, ffree: 5 };

describe('filesystems', () => {
  it('are asked in the background, shown from the next tick on, and asked again after 30 s', async () => {
    const t = setUp();
    expect(t.collect(0)).toEqual([]);
    for (const { answer } of t.asked) answer(half);
    await t.settle();
    expect(t.collect(5_000)).toEqual(['/=50', '/data=50']);
    expect(t.asked.length).toBe(2);
    expect(t.collect(29_999).length).toBe(2);
    expect(t.asked.length).toBe(2);
    t.collect(30_000);
    expect(t.asked.length).toBe(4);
  });

  it('that hang are asked once, told as stuck, not shown, and come back when they answer', async () => {
    const t = setUp();
    t.collect(0);
    t.asked[0]!.answer(half);
    await t.settle();
    for (let at = 5_000; at <= 120_000; at += 5_000) t.collect(at);
    expect(t.asked.filter(({ mountPoint }) => mountPoint === '/data').length).toBe(1);
    expect(t.collector.stuckMounts()).toBeGreaterThanOrEqual(1);
    expect(t.collect(121_000)).not.toContain('/data=50');
    for (const { answer } of t.asked) answer(half);
    await t.settle();
    expect(t.collect(125_000)).toEqual(['/=50', '/data=50']);
    expect(t.collector.stuckMounts()).toBe(0);
  });

  it('that fail are not shown, and do not stop the others', async () => {
    const t = setUp();
    t.collect(0);
    t.asked[0]!.answer(new Error('EACCES'));
    t.asked[1]!.answer(half);
    await t.settle();
    expect(t.collect(5_000)).toEqual(['/data=50']);
  });

  it('over the network are asked only when wanted', () => {
    const mounts = parseMountinfo(mountinfo);
    expect(selectMounts(mounts, false).map((m) => m.mountPoint)).toEqual(['/', '/data']);
    expect(selectMounts(mounts, true).map((m) => m.mountPoint)).toContain('/mnt/nfs');
  });
});
