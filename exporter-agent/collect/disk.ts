import { createDeltas } from '../sample/delta.ts';
import type { Collector, Labels } from './collector.ts';
import { parseDiskstats } from './procfs/diskstats.ts';
import type { Procfs } from './procfs/root.ts';

const sectorBytes = 512;
const bytesPerMegabyte = 1e6;

/** Partitions and devices without a disk behind them (node_exporter's default exclusion). */
export const defaultDiskExclude = /^(z?ram|loop|fd|(h|s|v|xv)d[a-z]+|nvme\d+n\d+p|mmcblk\d+p)\d+$/;

export function createDiskCollector(
  procfs: Procfs,
  exclude: RegExp = defaultDiskExclude,
): Collector {
  const deltas = createDeltas();
  return {
    name: 'disk',
    emits: [
      'disk_iops_read',
      'disk_iops_write',
      'disk_throughput_read_mbps',
      'disk_throughput_write_mbps',
    ],
    collect(tick, emit) {
      const disks = parseDiskstats(procfs.read('diskstats'));
      deltas.begin(tick);
      for (const disk of disks) {
        const { device } = disk;
        if (exclude.test(device)) continue;
        const labels: Labels = [['device', device]];
        const rate = (field: string, value: number) =>
          deltas.perSecond(`${device} ${field}`, value);
        const toMegabytes = sectorBytes / bytesPerMegabyte;
        const reads = rate('reads', disk.reads);
        const writes = rate('writes', disk.writes);
        const read = rate('sectorsRead', disk.sectorsRead);
        const written = rate('sectorsWritten', disk.sectorsWritten);
        if (reads !== undefined) emit('disk_iops_read', reads, labels);
        if (writes !== undefined) emit('disk_iops_write', writes, labels);
        if (read !== undefined) emit('disk_throughput_read_mbps', read * toMegabytes, labels);
        if (written !== undefined)
          emit('disk_throughput_write_mbps', written * toMegabytes, labels);
      }
      return disks.length === 0 ? 'not-on-this-host' : 'ok';
    },
  };
}
