import { createDeltas } from '../sample/delta.ts';
import type { Collector, Emit, Labels } from './collector.ts';
import { createLabelCache } from './node/labels.ts';
import { type DiskStats, parseDiskstats } from './procfs/diskstats.ts';
import type { Procfs } from './procfs/root.ts';

const sectorBytes = 512;
const bytesPerMegabyte = 1e6;

/** Partitions and devices without a disk behind them (node_exporter's default exclusion). */
export const defaultDiskExclude = /^(z?ram|loop|fd|(h|s|v|xv)d[a-z]+|nvme\d+n\d+p|mmcblk\d+p)\d+$/;

export function createDiskCollector(
  procfs: Procfs,
  nodeNames = false,
  exclude: RegExp = defaultDiskExclude,
): Collector {
  const labelsOf = createLabelCache('device');
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
        const labels = labelsOf(device);
        if (nodeNames) emitCounters(disk, labels, emit);
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

/** The kernel's own counters, for PromQL to take rates of; a wrap of the 32-bit ones is a reset to it. */
function emitCounters(disk: DiskStats, labels: Labels, emit: Emit): void {
  emit('node_disk_read_bytes_total', disk.sectorsRead * sectorBytes, labels);
  emit('node_disk_written_bytes_total', disk.sectorsWritten * sectorBytes, labels);
  emit('node_disk_reads_completed_total', disk.reads, labels);
  emit('node_disk_writes_completed_total', disk.writes, labels);
  emit('node_disk_io_time_seconds_total', disk.busyMs / 1000, labels);
  emit('node_disk_io_time_weighted_seconds_total', disk.weightedMs / 1000, labels);
}
