import { z } from 'zod';

/** One row of `GET /api/v1/processes/top`, PRP §8.4; null where the figure is not known. */
export interface TopProcess {
  pid: number;
  /** As the agent sent it: a hash where the policy masks names. */
  name: string;
  /** 100 is one core. */
  cpuPercent: number;
  memMib: number;
  gpuMemMib: number | null;
  gpuIndex: number | null;
}

export interface TopProcesses {
  /** When the agent read them; null before it has told any. */
  atMs: number | null;
  processes: TopProcess[];
}

export type TopBy = 'cpu' | 'mem' | 'gpu_mem';

const figure = z.number().min(0);
const snapshotSchema = z.object({
  at_ms: z.number().int().positive(),
  processes: z
    .array(
      z.object({
        pid: z.number().int().positive(),
        name: z.string().max(64),
        cpu_pct: figure,
        mem_mb: figure,
        gpu_mem_mb: figure.nullable().default(null),
        gpu_index: z.number().int().min(0).nullable().default(null),
      }),
    )
    .max(300),
});

/** From the report of a heartbeat; what is none counts as not told. */
export function toTopProcesses(reported: unknown): TopProcesses {
  const parsed = snapshotSchema.safeParse(reported);
  if (!parsed.success) return { atMs: null, processes: [] };
  return {
    atMs: parsed.data.at_ms,
    processes: parsed.data.processes.map((row) => ({
      pid: row.pid,
      name: row.name,
      cpuPercent: row.cpu_pct,
      memMib: row.mem_mb,
      gpuMemMib: row.gpu_mem_mb,
      gpuIndex: row.gpu_index,
    })),
  };
}

const keys = { cpu: 'cpuPercent', mem: 'memMib', gpu_mem: 'gpuMemMib' } as const;

/** The leaders by one figure, largest first; by GPU memory only those that hold some. */
export function topBy(processes: readonly TopProcess[], by: TopBy, limit: number): TopProcess[] {
  const key = keys[by];
  return processes
    .filter((row) => by !== 'gpu_mem' || row.gpuMemMib !== null)
    .sort((a, b) => (b[key] ?? 0) - (a[key] ?? 0) || a.pid - b.pid)
    .slice(0, limit);
}
