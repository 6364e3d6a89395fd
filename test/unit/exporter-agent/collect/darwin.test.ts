import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Tick } from '../../../../exporter-agent/collect/collector.ts';
import {
  parseDisks,
  parseInterfaces,
  parseMounts,
  parseSwapUsage,
  parseVmStat,
} from '../../../../exporter-agent/collect/darwin/parse.ts';
import { createDarwinProcfs } from '../../../../exporter-agent/collect/darwin/procfs.ts';
import type { Procfs } from '../../../../exporter-agent/collect/procfs/root.ts';
import { createHostCollectors } from '../../../../exporter-agent/collect/registry.ts';
import { runCollectors } from '../../../../exporter-agent/collect/run.ts';

const fixture = (name: string) => readFileSync(`test/fixtures/darwin/${name}.txt`, 'utf8');

describe("macOS's tools", () => {
  it('vm_stat: bytes of what is counted in pages', () => {
    const page = 16_384;
    expect(parseVmStat(fixture('vm_stat'))).toEqual({
      ...{ free: 12_500 * page, wired: 128_000 * page, purgeable: 8_000 * page },
      ...{ fileBacked: 192_000 * page, anonymous: 392_000 * page, compressor: 256_000 * page },
    });
    expect(() => parseVmStat('vm_stat: no such thing')).toThrow('vm_stat: no "Pages free"');
  });

  it('swap usage, none as well', () => {
    expect(parseSwapUsage(fixture('sysctl_swapusage'))).toEqual({
      total: 2 ** 32,
      free: 3 * 2 ** 30,
    });
    expect(parseSwapUsage('vm.swapusage: total = 0.00M  used = 0.00M  free = 0.00M\n').total).toBe(
      0,
    );
    expect(() => parseSwapUsage('')).toThrow('vm.swapusage');
  });

  it('netstat: each interface once, also where its link has no address', () => {
    const found = parseInterfaces(fixture('netstat_ibdn'));
    expect(found.map(({ name }) => name)).toEqual(
      'lo0 gif0 stf0 anpi0 en0 en5 awdl0 utun0'.split(' '),
    );
    expect(found.find(({ name }) => name === 'en0')).toEqual({
      ...{ name: 'en0', rxBytes: 8e9, rxErrors: 2, txBytes: 1e9, txErrors: 1, drops: 5 },
    });
    expect(found.find(({ name }) => name === 'lo0')?.txBytes).toBe(601_200_300);
    expect(parseInterfaces('')).toEqual([]);
  });

  it('ioreg: each disk with the counters of its driver, no partition', () => {
    expect(parseDisks(fixture('ioreg_storage'))).toEqual([
      {
        ...{ name: 'disk0', reads: 5e6, writes: 3e6 },
        ...{ readBytes: 102_400_000_000, writtenBytes: 51_200_000_000 },
      },
      { name: 'disk4', reads: 900, writes: 7, readBytes: 4_096_000, writtenBytes: 512_000 },
    ]);
  });

  it('mount: what is local and has space of its own', () => {
    expect(parseMounts(fixture('mount'))).toEqual([
      { source: '/dev/disk3s1s1', mountPoint: '/', fsType: 'apfs', isReadOnly: true },
      {
        source: '/dev/disk4s1',
        mountPoint: '/Volumes/My Stick (v2)',
        fsType: 'exfat',
        isReadOnly: false,
      },
    ]);
  });
});

describe('a Mac', () => {
  let nowMs: number;
  let outputs: Record<string, string>;
  let isAnswering: boolean;
  let asked: number;
  let times: { user: number; nice: number; sys: number; idle: number; irq: number };
  let procfs: Procfs;

  beforeEach(async () => {
    nowMs = 0;
    asked = 0;
    isAnswering = true;
    times = { user: 1_000, nice: 0, sys: 1_000, idle: 8_000, irq: 0 };
    outputs = {
      '/usr/bin/vm_stat': fixture('vm_stat'),
      '/usr/sbin/sysctl': fixture('sysctl_swapusage'),
      '/usr/sbin/netstat': fixture('netstat_ibdn'),
      '/usr/sbin/ioreg': fixture('ioreg_storage'),
      '/sbin/mount': fixture('mount'),
    };
    procfs = await createDarwinProcfs({
      run([file = '']) {
        asked += 1;
        return isAnswering
          ? Promise.resolve(outputs[file] ?? '')
          : Promise.reject(new Error('hung'));
      },
      monotonicMs: () => nowMs,
      machine: {
        ...{ cpus: () => [{ times }, { times }], loadavg: () => [1.5, 1.25, 1] },
        totalBytes: () => 16 * 2 ** 30,
      },
    });
  });

  function host() {
    const space = { blocks: 1_000, bfree: 400, bavail: 400, bsize: 4_096, files: 1, ffree: 1 };
    const { list } = createHostCollectors({
      ...{
        procfs,
        sysfs: procfs,
        root: procfs,
        on: [],
        textfiles: undefined,
        profile: 'lean',
        machine: 'arm64',
        foreignProc: false,
      },
      ...{
        statfs: () => Promise.resolve(space),
        networkFilesystems: false,
        cpuMicros: () => 0,
        ...{ root: procfs, on: [], textfiles: undefined },
        gpu: { find: () => undefined, monotonicMs: () => nowMs },
        off: ['sockets', 'processes', 'gpu'],
      },
    });
    return async () => {
      const failed: string[] = [];
      const tick: Tick = { wallMs: nowMs, monotonicMs: nowMs, intervalMs: 5_000, bootId: '' };
      const points = runCollectors(list, tick, {
        monotonicMs: () => nowMs,
        onFailure: (name) => failed.push(name),
      });
      // What the tick has asked for comes before the next one.
      await new Promise((resolve) => setImmediate(resolve));
      nowMs += 5_000;
      const value = (name: string, ...labels: string[]) =>
        points.find(
          (point) =>
            point.name === name &&
            labels.every((text) => point.labels.some(([, is]) => is === text)),
        )?.value;
      return { failed, value, names: new Set<string>(points.map(({ name }) => name)) };
    };
  }

  it('tells what a Linux host tells, by the same collectors', async () => {
    const tick = host();
    await tick();
    times = { user: 2_000, nice: 0, sys: 1_500, idle: 11_500, irq: 0 };
    outputs['/usr/sbin/netstat'] = fixture('netstat_ibdn')
      .replaceAll('8000000000', '8006250000')
      .replaceAll('1000000000', '1000625000');
    outputs['/usr/sbin/ioreg'] = fixture('ioreg_storage')
      .replace('"Operations (Read)"=5000000', '"Operations (Read)"=5000050')
      .replace('"Bytes (Write)"=51200000000', '"Bytes (Write)"=51210240000');
    await tick();
    const { failed, value, names } = await tick();
    expect(failed).toEqual([]);
    expect(names).not.toContain('node_load1');
    expect(value('cpu_load5')).toBe(1.25);
    expect(value('mem_used_mb')).toBe((768_000 * 16_384) / 2 ** 20);
    expect(value('mem_available_mb')).toBe(16_384 - 12_000);
    expect(value('mem_cache_mb')).toBe(200_000 / 64);
    expect(value('mem_swap_pct')).toBe(25);
    expect(value('disk_used_pct', '/Volumes/My Stick (v2)')).toBe(60);
    expect(value('net_rx_mbps', 'en0')).toBe(10);
    expect(value('net_tx_mbps', 'en0')).toBe(1);
    expect(value('net_rx_mbps', 'lo0')).toBeUndefined();
    expect(value('disk_iops_read', 'disk0')).toBe(10);
    expect(value('disk_throughput_write_mbps', 'disk0')).toBe(2.048);
  });

  it('tells the share of CPU time of all cores and of each', async () => {
    const tick = host();
    await tick();
    times = { user: 2_000, nice: 0, sys: 1_500, idle: 11_500, irq: 0 };
    const { value } = await tick();
    expect(value('cpu_utilization')).toBe(30);
    expect(value('cpu_core', '1')).toBe(30);
  });

  it('asks its tools once a tick, and has their collectors fail when they stay silent', async () => {
    const tick = host();
    await tick();
    await tick();
    const before = asked;
    await tick();
    expect(asked - before).toBe(5);
    isAnswering = false;
    expect((await tick()).failed).toEqual([]);
    expect((await tick()).failed).toEqual(['memory', 'disk', 'network']);
    isAnswering = true;
    await tick();
    expect((await tick()).failed).toEqual([]);
  });
});
