import type { Metric } from './metric.ts';

export const memoryMetrics = [
  {
    apiName: 'mem.used_pct',
    name: 'mem_used_pct',
    kind: 'gauge',
    unit: '%',
    labels: [],
    help: 'Memory that programs could not get without swapping, as a share of all memory.',
    source: '/proc/meminfo: (MemTotal - MemAvailable) / MemTotal',
  },
  {
    apiName: 'mem.used_mb',
    name: 'mem_used_mb',
    kind: 'gauge',
    unit: 'MiB',
    labels: [],
    help: 'Memory in use, in MiB.',
    source: '/proc/meminfo: MemTotal - MemAvailable',
  },
  {
    apiName: 'mem.available_mb',
    name: 'mem_available_mb',
    kind: 'gauge',
    unit: 'MiB',
    labels: [],
    help: 'Memory a new program could get without swapping, in MiB.',
    source: '/proc/meminfo: MemAvailable',
  },
  {
    apiName: 'mem.cache_mb',
    name: 'mem_cache_mb',
    kind: 'gauge',
    unit: 'MiB',
    labels: [],
    help: 'Page cache, buffers and reclaimable slab without shared memory, in MiB.',
    source: '/proc/meminfo: Cached + Buffers + SReclaimable - Shmem',
  },
  {
    apiName: 'mem.swap_pct',
    name: 'mem_swap_pct',
    kind: 'gauge',
    unit: '%',
    labels: [],
    help: 'Swap in use as a share of all swap; 0 on a host without swap.',
    source: '/proc/meminfo: (SwapTotal - SwapFree) / SwapTotal',
  },
] as const satisfies readonly Metric[];
