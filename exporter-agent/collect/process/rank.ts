import type { Process } from './scan.ts';

/** GPU memory that a process holds, and where. */
export interface GpuUse {
  memoryMib: number;
  gpuIndex: number | null;
}

/** One row of `GET /api/v1/processes/top`, PRP §8.4. */
export interface TopProcess {
  pid: number;
  name: string;
  cpu_pct: number;
  mem_mb: number;
  gpu_mem_mb: number | null;
  gpu_index: number | null;
}

/** A program, all its processes together. */
export interface NameFigures {
  cpuPercent: number;
  memMib: number;
  gpuMib: number;
}

export interface Measured {
  process: Process;
  memMib: number;
  gpu: GpuUse | undefined;
}

export function sumByName(measured: readonly Measured[]): Map<string, NameFigures> {
  const sums = new Map<string, NameFigures>();
  for (const { process, memMib, gpu } of measured) {
    let sum = sums.get(process.name);
    if (sum === undefined) {
      sum = { cpuPercent: 0, memMib: 0, gpuMib: 0 };
      sums.set(process.name, sum);
    }
    sum.cpuPercent += process.cpuPercent;
    sum.memMib += memMib;
    sum.gpuMib += gpu?.memoryMib ?? 0;
  }
  return sums;
}

/** The `most` largest by `by`, largest first, without those that use nothing. */
export function largest<T>(items: Iterable<T>, most: number, by: (item: T) => number): T[] {
  const found: T[] = [];
  if (most === 0) return found;
  for (const item of items) {
    const value = by(item);
    if (value <= 0) continue;
    if (found.length === most && value <= by(found[most - 1]!)) continue;
    let place = found.length;
    while (place > 0 && by(found[place - 1]!) < value) place -= 1;
    found.splice(place, 0, item);
    if (found.length > most) found.pop();
  }
  return found;
}

/** The processes that lead by CPU, memory or GPU memory, each once. */
export function leaders(measured: readonly Measured[], most: number): TopProcess[] {
  const chosen = new Set([
    ...largest(measured, most, ({ process }) => process.cpuPercent),
    ...largest(measured, most, ({ memMib }) => memMib),
    ...largest(measured, most, ({ gpu }) => gpu?.memoryMib ?? 0),
  ]);
  return [...chosen].map(({ process, memMib, gpu }) => ({
    pid: process.pid,
    name: process.name,
    cpu_pct: rounded(process.cpuPercent),
    mem_mb: rounded(memMib),
    gpu_mem_mb: gpu?.memoryMib ?? null,
    gpu_index: gpu?.gpuIndex ?? null,
  }));
}

const rounded = (value: number) => Math.round(value * 10) / 10;

const halfLifeMs = 60_000;
/** Below a thousandth of a core a program is no leader, however idle the host is. */
const leastScore = 0.1;

/**
 * Which names have a series: those that lead over the last minutes, not at this instant. Otherwise an idle host would
 * begin and end a handful of series at every reading.
 */
export function createSteadyChoice() {
  let scores = new Map<string, number>();
  let lastMs: number | undefined;
  return function choose(
    sums: ReadonlyMap<string, NameFigures>,
    figure: keyof NameFigures,
    { most, nowMs }: { most: number; nowMs: number },
  ): string[] {
    const kept = lastMs === undefined ? 0 : 0.5 ** ((nowMs - lastMs) / halfLifeMs);
    lastMs = nowMs;
    const next = new Map<string, number>();
    for (const [name, sum] of sums) {
      const value = sum[figure];
      const before = scores.get(name);
      const score = before === undefined ? value : before * kept + value * (1 - kept);
      if (score >= leastScore) next.set(name, score);
    }
    scores = next;
    return largest(next, most, ([, score]) => score).map(([name]) => name);
  };
}
