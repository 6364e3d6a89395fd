import type { Metric } from './metric.ts';

const source = 'nvidia-smi --query-gpu';

export const gpuMetrics = [
  {
    apiName: 'gpu.utilization',
    name: 'gpu_utilization',
    kind: 'gauge',
    unit: '%',
    labels: ['gpu', 'uuid', 'model'],
    help: 'Share of time in which a kernel ran on the GPU; absent where the card does not tell (MIG).',
    source: `${source}=utilization.gpu`,
  },
  {
    apiName: 'gpu.memory_used_mb',
    name: 'gpu_memory_used_mb',
    kind: 'gauge',
    unit: 'MiB',
    labels: ['gpu', 'uuid', 'model'],
    help: 'GPU memory in use without the reserved part, in MiB.',
    source: `${source}=memory.used`,
  },
  {
    apiName: 'gpu.memory_total_mb',
    name: 'gpu_memory_total_mb',
    kind: 'gauge',
    unit: 'MiB',
    labels: ['gpu', 'uuid', 'model'],
    help: 'GPU memory of the card, in MiB.',
    source: `${source}=memory.total`,
  },
  {
    apiName: 'gpu.temperature_c',
    name: 'gpu_temperature_c',
    kind: 'gauge',
    unit: '°C',
    labels: ['gpu', 'uuid', 'model'],
    help: 'Core temperature in degrees Celsius.',
    source: `${source}=temperature.gpu`,
  },
  {
    apiName: 'gpu.power_w',
    name: 'gpu_power_w',
    kind: 'gauge',
    unit: 'W',
    labels: ['gpu', 'uuid', 'model'],
    help: 'Power draw in watts.',
    source: `${source}=power.draw`,
  },
  {
    apiName: 'gpu.process.pid',
    name: 'gpu_process_pid',
    kind: 'gauge',
    unit: 'pid',
    labels: ['gpu', 'uuid', 'process'],
    help: 'Process id of the program that holds the most memory of this GPU under this name; the value is the id, so that a restart makes no new series.',
    source: 'nvidia-smi --query-compute-apps=gpu_uuid,pid',
  },
] as const satisfies readonly Metric[];
