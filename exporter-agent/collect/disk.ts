import { createDeltas } from '../sample/delta.ts';
import type { Collector, Emit, Labels } from './collector.ts';
import { createLabelCache } from './node/labels.ts';
import type { NodeMetricName, Profile } from './node/metric.ts';
import { type DiskStats, parseDiskstats } from './procfs/diskstats.ts';
import type { Procfs } from './procfs/root.ts';

const sectorBytes = 512;
const bytesPerMegabyte = 1e6;

/** Partitions and devices without a disk behind them (node_exporter's default exclusion). */
export const defaultDiskExclude = /^(z?ram|loop|fd|(h|s|v|xv)d[a-z]+|nvme\d+n\d+p|mmcblk\d+p)\d+$/;

export function createDiskCollector(
  procfs: Procfs,
  profile: Profile = 'lean',
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
        if (profile !== 'lean') emitCounters(disk, labels, emit);
        if (profile === 'full') emitRest(disk.all, labels, emit);
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

/** The other fields, by their index from 0: iostats.rst counts from 1. */
const rest: readonly (readonly [index: number, name: NodeMetricName, perUnit: number])[] = [
  [1, 'node_disk_reads_merged_total', 1],
  [3, 'node_disk_read_time_seconds_total', 1000],
  [5, 'node_disk_writes_merged_total', 1],
  [7, 'node_disk_write_time_seconds_total', 1000],
  [8, 'node_disk_io_now', 1],
  [11, 'node_disk_discards_completed_total', 1],
  [12, 'node_disk_discards_merged_total', 1],
  [13, 'node_disk_discarded_sectors_total', 1],
  [14, 'node_disk_discard_time_seconds_total', 1000],
  [15, 'node_disk_flush_requests_total', 1],
  [16, 'node_disk_flush_requests_time_seconds_total', 1000],
];

function emitRest(all: readonly number[], labels: Labels, emit: Emit): void {
  for (const [index, name, perUnit] of rest) {
    const value = all[index];
    if (value !== undefined) emit(name, value / perUnit, labels);
  }
}
