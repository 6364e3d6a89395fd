import { describe, expect, it } from 'vitest';
import { createProcessCollector } from '../../../../../exporter-agent/collect/process/collector.ts';
import type { Procfs } from '../../../../../exporter-agent/collect/procfs/root.ts';

interface Fake {
  comm: string;
  ticks: number;
  pages?: number;
  start?: number;
  flags?: number;
}

const gone = () => Object.assign(new Error('no such process'), { code: 'ESRCH' });

function setUp(options: { costMicros?: number } = {}) {
  const table = new Map<number, Fake | 'gone'>();
  const waiting: (() => void)[] = [];
  let reads = 0;
  let micros = 0;
  const procfs: Procfs = {
    read: () => '',
    list: () => ['self', 'meminfo', ...[...table.keys()].map(String)],
    resolve: (path) => path,
    close: () => undefined,
    readOnce(path) {
      if (path === 'self/auxv') return '';
      reads += 1;
      micros += options.costMicros ?? 0;
      const process = table.get(Number(path.split('/')[0]));
      if (process === undefined || process === 'gone') throw gone();
      const { comm, ticks, pages = 256, start = 1, flags = 0 } = process;
      return `1 (${comm}) S 1 1 1 0 -1 ${flags} 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 0 ${pages} 0 0\n`;
    },
  };
  const collector = createProcessCollector({
    procfs,
    cpuMicros: () => micros,
    later: (work) => void waiting.push(work),
  });
  let atMs = 0;
  const collect = (afterMs = 5_000, bootId = 'b') => {
    atMs += afterMs;
    const shown: Record<string, number> = {};
    reads = 0;
    const outcome = collector.collect(
      { wallMs: 1_700_000_000_000 + atMs, monotonicMs: atMs, intervalMs: 5_000, bootId },
      (name, value, labels = []) => {
        shown[`${name} ${new Map(labels).get('process')}`] = value;
      },
    );
    return { shown, outcome, reads: () => reads };
  };
  const drain = () => {
    while (waiting.length > 0) waiting.shift()!();
  };
  return { table, collector, collect, drain };
}

describe('the leading processes', () => {
  it('are told by name, with the CPU of one core as 100 and memory in MiB', () => {
    const t = setUp();
    t.table.set(10, { comm: 'worker', ticks: 1_000, pages: 512 });
    t.table.set(11, { comm: 'worker', ticks: 0, pages: 256 });
    t.table.set(12, { comm: 'db', ticks: 50, pages: 25_600 });
    expect(t.collect().shown).toEqual({ 'proc_top_mem_mb db': 100, 'proc_top_mem_mb worker': 3 });
    t.table.set(10, { comm: 'worker', ticks: 1_250, pages: 512 });
    t.table.set(11, { comm: 'worker', ticks: 125, pages: 256 });
    expect(t.collect().shown).toMatchObject({ 'proc_top_cpu_pct worker': 75 });
    expect(t.collector.snapshot()).toEqual({
      at_ms: 1_700_000_010_000,
      processes: [
        { pid: 10, name: 'worker', cpu_pct: 50, mem_mb: 2, gpu_mem_mb: null, gpu_index: null },
        { pid: 11, name: 'worker', cpu_pct: 25, mem_mb: 1, gpu_mem_mb: null, gpu_index: null },
        { pid: 12, name: 'db', cpu_pct: 0, mem_mb: 100, gpu_mem_mb: null, gpu_index: null },
      ],
    });
  });

  it('do not take the time of one process for that of a later one with its number', () => {
    const t = setUp();
    t.table.set(10, { comm: 'old', ticks: 90_000, start: 5 });
    t.collect();
    t.table.set(10, { comm: 'new', ticks: 100, start: 777 });
    const { shown } = t.collect();
    expect(shown).toMatchObject({ 'proc_top_cpu_pct new': 20 });
    expect(shown).not.toHaveProperty('proc_top_cpu_pct old');
  });

  it('leave out one that vanishes while it is read', () => {
    const t = setUp();
    t.table.set(10, { comm: 'stays', ticks: 0 });
    t.table.set(11, 'gone');
    expect(t.collect().shown).toEqual({ 'proc_top_mem_mb stays': 1 });
    t.table.delete(10);
    expect(t.collect().shown).toEqual({});
  });

  it('have no rate over a pause or a reboot', () => {
    const t = setUp();
    t.table.set(10, { comm: 'a', ticks: 0 });
    t.collect();
    t.table.set(10, { comm: 'a', ticks: 9_000 });
    expect(t.collect(60_000).shown).toEqual({ 'proc_top_mem_mb a': 1 });
    t.table.set(10, { comm: 'a', ticks: 9_500 });
    expect(t.collect(5_000, 'another boot').shown).toEqual({ 'proc_top_mem_mb a': 1 });
  });

  it('are as many as the policy says, and none when it says 0', () => {
    const t = setUp();
    for (let pid = 1; pid <= 30; pid += 1)
      t.table.set(pid, { comm: `p${pid}`, ticks: 0, pages: pid * 256 });
    t.collector.follow(() => ({ topN: 2, mask: false }));
    expect(t.collect().shown).toEqual({ 'proc_top_mem_mb p30': 30, 'proc_top_mem_mb p29': 29 });
    t.collector.follow(() => ({ topN: 0, mask: false }));
    const off = t.collect();
    expect([off.shown, off.reads(), t.collector.snapshot()]).toEqual([{}, 0, undefined]);
  });

  it('are named by a hash where the policy masks them', () => {
    const t = setUp();
    t.table.set(10, { comm: 'secret-tool', ticks: 0 });
    t.collector.follow(() => ({ topN: 10, mask: true }));
    expect(Object.keys(t.collect().shown)).toEqual(['proc_top_mem_mb 1592da6c']);
    expect(t.collector.snapshot()?.processes[0]?.name).toBe('1592da6c');
    expect(JSON.stringify(t.collector.snapshot())).not.toContain('secret');
  });

  it('show UTF-8 names, and kernel threads by their kind', () => {
    const t = setUp();
    const kernel = { flags: 0x0020_0000, pages: 0 };
    t.table.set(10, { comm: Buffer.from('größe', 'utf8').toString('latin1'), ticks: 0 });
    t.table.set(11, { comm: 'kworker/0:1-events', ticks: 0, ...kernel });
    t.collect();
    t.table.set(12, { comm: 'kworker/1:7-mm', ticks: 250, ...kernel });
    expect(t.collect().shown).toEqual({
      'proc_top_mem_mb größe': 1,
      'proc_top_cpu_pct kworker': 50,
    });
  });

  it('are joined with the GPU memory of their pid', () => {
    const t = setUp();
    t.table.set(10, { comm: 'train', ticks: 0 });
    t.collector.joinGpu((pid) => (pid === 10 ? { memoryMib: 2_048, gpuIndex: 1 } : undefined));
    expect(t.collect().shown).toMatchObject({ 'proc_top_gpu_mem_mb train': 2_048 });
    expect(t.collector.snapshot()?.processes[0]).toMatchObject({ gpu_mem_mb: 2_048, gpu_index: 1 });
  });

  it('keep their series over a lull: a name leads by its last minutes', () => {
    const t = setUp();
    t.collector.follow(() => ({ topN: 1, mask: false }));
    t.table.set(10, { comm: 'steady', ticks: 0 });
    t.table.set(11, { comm: 'burst', ticks: 0 });
    t.collect();
    let ticks = 0;
    for (let n = 0; n < 24; n += 1) {
      ticks += 250;
      t.table.set(10, { comm: 'steady', ticks });
      t.collect();
    }
    t.table.set(11, { comm: 'burst', ticks: 500 });
    expect(t.collect().shown).toMatchObject({ 'proc_top_cpu_pct steady': 0 });
  });
});

describe('thousands of processes', () => {
  const fill = (t: ReturnType<typeof setUp>, ticks: number) => {
    for (let pid = 1; pid <= 5_000; pid += 1) {
      t.table.set(pid, { comm: `p${pid % 40}`, ticks: pid % 40 === 7 ? ticks : 0 });
    }
  };

  it('are read between other work, 400 at a time', () => {
    const t = setUp();
    fill(t, 0);
    const first = t.collect();
    expect([first.outcome, first.reads()]).toEqual(['not-yet', 398]);
    t.drain();
    fill(t, 100);
    t.collect();
    t.drain();
    // 125 of them, 100 ticks each in five seconds.
    expect(t.collect().shown).toMatchObject({ 'proc_top_cpu_pct p7': 2_500 });
  });

  it('are read less often the more a pass costs, and idle ones every fourth time', () => {
    const t = setUp({ costMicros: 8 });
    fill(t, 0);
    let reads = 0;
    const busiest: number[] = [];
    for (let tick = 0; tick < 120; tick += 1) {
      const { reads: count } = t.collect();
      t.drain();
      reads += count();
      busiest.push(count());
    }
    // 8 µs a process: ten minutes cost 0.3 % of a core at most, the first pass apart.
    expect((reads - 5_000) * 8e-6).toBeLessThan(600 * 0.003 * 1.1);
    expect(Math.max(...busiest.slice(60))).toBeLessThan(1_500);
  });

  it('survive an error in the middle of a pass, which the next tick tells', () => {
    const t = setUp();
    fill(t, 0);
    t.collect();
    t.table.set(
      4_000,
      new Proxy({} as Fake, {
        get: () => {
          throw new Error('broken');
        },
      }),
    );
    t.drain();
    expect(() => t.collect()).toThrow('broken');
    fill(t, 0);
    t.collect();
    t.drain();
    expect(t.collect().outcome).toBe('ok');
  });
});
