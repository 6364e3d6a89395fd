/** One process at one moment, proc_pid_stat(5). */
export interface ProcessStat {
  /** The kernel's 15 characters of the command, without its parentheses. */
  comm: string;
  isKernelThread: boolean;
  /** User and system time in clock ticks (USER_HZ, 100 a second). */
  cpuTicks: number;
  /** Clock ticks after boot; with the pid it tells a process from a later one of the same number. */
  startTicks: number;
  rssPages: number;
}

/** PF_KTHREAD of include/linux/sched.h. */
const kernelThreadFlag = 0x0020_0000;

/** Fields of the man page behind the command, in their order: the third is the first of them. */
const flagsField = 9;
const utimeField = 14;
const stimeField = 15;
const startField = 22;
const rssField = 24;

/**
 * The command may hold blanks and parentheses: it ends at the last one. Only the fields that are needed become text: an
 * array of all of them, for each process at each reading, is what the memory of the agent would grow by. Undefined for a
 * line that is not whole.
 */
export function parseProcessStat(line: string): ProcessStat | undefined {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  let field = 3;
  let from = close + 2;
  const next = (wanted: number): number => {
    for (; field < wanted; field += 1) {
      const blank = line.indexOf(' ', from);
      if (blank < 0) return Number.NaN;
      from = blank + 1;
    }
    const end = line.indexOf(' ', from);
    return end < 0 ? Number.NaN : Number(line.slice(from, end));
  };
  const flags = next(flagsField);
  const cpuTicks = next(utimeField) + next(stimeField);
  const startTicks = next(startField);
  const rssPages = next(rssField);
  if (!Number.isFinite(flags + cpuTicks + startTicks + rssPages)) return undefined;
  const isKernelThread = (flags & kernelThreadFlag) !== 0;
  return { comm: line.slice(open + 1, close), isKernelThread, cpuTicks, startTicks, rssPages };
}
