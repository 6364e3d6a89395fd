import type { Metric } from './metric.ts';

export const processMetrics = [
  {
    apiName: 'proc.top.cpu_pct',
    name: 'proc_top_cpu_pct',
    kind: 'gauge',
    unit: '%',
    labels: ['process'],
    help: 'CPU of the programs that use the most of it, by name; 100 is one core.',
    source: '/proc/PID/stat: utime + stime',
  },
  {
    apiName: 'proc.top.mem_mb',
    name: 'proc_top_mem_mb',
    kind: 'gauge',
    unit: 'MiB',
    labels: ['process'],
    help: 'Resident memory of the programs that use the most of it, by name, in MiB.',
    source: '/proc/PID/stat: rss',
  },
  {
    apiName: 'proc.top.gpu_mem_mb',
    name: 'proc_top_gpu_mem_mb',
    kind: 'gauge',
    unit: 'MiB',
    labels: ['process'],
    help: 'GPU memory of the programs that use the most of it, by name, in MiB.',
    source: 'nvidia-smi --query-compute-apps=used_gpu_memory',
  },
] as const satisfies readonly Metric[];
