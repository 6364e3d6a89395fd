import type { Metric } from './metric.ts';

const loadHelp = (minutes: string) =>
  `Runnable and uninterruptible tasks, averaged by the kernel over ${minutes}.`;

export const cpuMetrics = [
  {
    apiName: 'cpu.utilization',
    name: 'cpu_utilization',
    kind: 'gauge',
    unit: '%',
    labels: [],
    help: 'Share of CPU time not idle, not waiting for I/O and not stolen, all cores together, over one interval.',
    source: '/proc/stat, line cpu: 1 - (idle + iowait + steal)',
  },
  {
    apiName: 'cpu.core.N',
    name: 'cpu_core',
    kind: 'gauge',
    unit: '%',
    labels: ['core'],
    help: 'The same share for one core; `core` is its number.',
    source: '/proc/stat, lines cpuN',
  },
  {
    apiName: 'cpu.load1',
    name: 'cpu_load1',
    kind: 'gauge',
    unit: 'tasks',
    labels: [],
    help: loadHelp('1 minute'),
    source: '/proc/loadavg',
  },
  {
    apiName: 'cpu.load5',
    name: 'cpu_load5',
    kind: 'gauge',
    unit: 'tasks',
    labels: [],
    help: loadHelp('5 minutes'),
    source: '/proc/loadavg',
  },
  {
    apiName: 'cpu.load15',
    name: 'cpu_load15',
    kind: 'gauge',
    unit: 'tasks',
    labels: [],
    help: loadHelp('15 minutes'),
    source: '/proc/loadavg',
  },
] as const satisfies readonly Metric[];
