import { ProcParseError, fields, numbers, wholeLines } from './text.ts';

/** Clock ticks (USER_HZ) since boot, proc_pid_stat(5)/proc_stat(5); guest time is inside user and nice already. */
export interface CpuTimes {
  user: number;
  nice: number;
  system: number;
  idle: number;
  iowait: number;
  irq: number;
  softirq: number;
  steal: number;
  guest: number;
  guestNice: number;
}

export interface ProcStat {
  total: CpuTimes;
  /** By the core's number as text. */
  cores: ReadonlyMap<string, CpuTimes>;
}

/** /proc/stat: the line `cpu` and each `cpuN` that is whole. */
export function parseStat(text: string): ProcStat {
  let total: CpuTimes | undefined;
  const cores = new Map<string, CpuTimes>();
  for (const line of wholeLines(text)) {
    if (!line.startsWith('cpu')) continue;
    const [name = '', ...rest] = fields(line);
    const times = toTimes(rest);
    if (times === undefined) continue;
    if (name === 'cpu') total = times;
    else cores.set(name.slice(3), times);
  }
  if (total === undefined) throw new ProcParseError('stat: no whole line "cpu"');
  return { total, cores };
}

/** Kernels before 2.6.11 have no steal column, those before 2.6.33 no guest times. */
function toTimes(columns: readonly string[]): CpuTimes | undefined {
  const values = numbers(columns.slice(0, 10));
  if (values === undefined || values.length < 7) return undefined;
  const at = (index: number) => values[index] ?? 0;
  return {
    user: at(0),
    nice: at(1),
    system: at(2),
    idle: at(3),
    iowait: at(4),
    irq: at(5),
    softirq: at(6),
    steal: at(7),
    guest: at(8),
    guestNice: at(9),
  };
}
