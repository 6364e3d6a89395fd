import { readFileSync, readdirSync } from 'node:fs';

/** Resident memory in bytes. */
export function rssBytes(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

/** CPU seconds of a process and its threads to the nanosecond, its ended children to the clock tick. */
export function cpuSecondsFine(pid: number): number {
  const tasks = `/proc/${String(pid)}/task`;
  let nanoseconds = 0;
  for (const task of readdirSync(tasks)) {
    nanoseconds += Number(readFileSync(`${tasks}/${task}/schedstat`, 'latin1').split(' ')[0]);
  }
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
      .split(') ')[1]
      ?.split(' ') ?? [];
  return nanoseconds / 1e9 + (Number(fields[13]) + Number(fields[14])) / 100;
}

export interface Cost {
  meanRss: number;
  maxRss: number;
  /** Of one core. */
  cpuPercent: number;
}

const sampleMs = 2_000;

/** Watches processes side by side: memory every 2 s, CPU from end to end. */
export async function watch(
  pids: ReadonlyMap<string, number>,
  seconds: number,
): Promise<Map<string, Cost>> {
  const began = performance.now();
  const cpu = new Map([...pids].map(([name, pid]) => [name, cpuSecondsFine(pid)]));
  const rss = new Map([...pids.keys()].map((name) => [name, [] as number[]]));
  while (performance.now() - began < seconds * 1_000) {
    for (const [name, pid] of pids) rss.get(name)?.push(rssBytes(pid));
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
  }
  const elapsed = (performance.now() - began) / 1_000;
  return new Map(
    [...pids].map(([name, pid]) => {
      const samples = rss.get(name) ?? [];
      const used = cpuSecondsFine(pid) - (cpu.get(name) ?? 0);
      return [
        name,
        {
          meanRss: samples.reduce((sum, value) => sum + value, 0) / samples.length,
          maxRss: Math.max(...samples),
          cpuPercent: (100 * used) / elapsed,
        },
      ];
    }),
  );
}

export const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
