import type { Metric } from './metric.ts';

const source = '/proc/diskstats (torvalds/linux Documentation/admin-guide/iostats.rst)';

export const diskMetrics = [
  {
    apiName: 'disk.used_pct',
    name: 'disk_used_pct',
    kind: 'gauge',
    unit: '%',
    labels: ['device', 'mountpoint', 'fstype'],
    help: 'Space in use as df(1) counts it: used / (used + available to ordinary users).',
    source: '/proc/1/mountinfo and statfs(2)',
  },
  {
    apiName: 'disk.iops_read',
    name: 'disk_iops_read',
    kind: 'gauge',
    unit: 'ops/s',
    labels: ['device'],
    help: 'Reads completed per second.',
    source: `${source} field 1`,
  },
  {
    apiName: 'disk.iops_write',
    name: 'disk_iops_write',
    kind: 'gauge',
    unit: 'ops/s',
    labels: ['device'],
    help: 'Writes completed per second.',
    source: `${source} field 5`,
  },
  {
    apiName: 'disk.throughput_read_mbps',
    name: 'disk_throughput_read_mbps',
    kind: 'gauge',
    unit: 'MB/s',
    labels: ['device'],
    help: 'Bytes read per second, in MB/s (10^6 bytes).',
    source: `${source} field 3 x 512`,
  },
  {
    apiName: 'disk.throughput_write_mbps',
    name: 'disk_throughput_write_mbps',
    kind: 'gauge',
    unit: 'MB/s',
    labels: ['device'],
    help: 'Bytes written per second, in MB/s (10^6 bytes).',
    source: `${source} field 7 x 512`,
  },
] as const satisfies readonly Metric[];
