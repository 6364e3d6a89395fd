import { isMissing, type Procfs } from '../procfs/root.ts';
import { parseProcessStat, type ProcessStat } from './stat.ts';

/** What is known of one process; figures are those of its last reading. */
export interface Process {
  pid: number;
  name: string;
  isKernelThread: boolean;
  /** 100 is one core; 0 until it was read twice. */
  cpuPercent: number;
  rssPages: number;
  startTicks: number;
  cpuTicks: number;
  readAtMs: number;
  /** Readings in a row without CPU time. */
  idleReadings: number;
  seenIn: number;
}

/** Reads the table of processes, in steps, so that thousands of them do not hold up anything else. */
export interface ProcessScan {
  /** Begins a new pass; `continues`: CPU time since the last reading may be compared. */
  begin(nowMs: number, continues: boolean): void;
  /** Reads up to so many processes; true when the pass is complete. */
  step(most: number): boolean;
  all(): Iterable<Process>;
}

const ticksPerSecond = 100;

/** Kernel threads do little that a person can change; a living system has hundreds of sleepers. */
const kernelThreadsEvery = 16;
const idleAfter = 12;
const idleEvery = 4;

/** One walk over the table. */
interface Pass {
  number: number;
  atMs: number;
  /** When the pass before it began; undefined where nothing may be compared with it. */
  earlierMs: number | undefined;
}

export function createProcessScan(procfs: Procfs): ProcessScan {
  const table = new Map<number, Process>();
  let queue: string[] = [];
  let position = 0;
  let pass: Pass = { number: 0, atMs: 0, earlierMs: undefined };

  function visit(pid: number): void {
    const known = table.get(pid);
    if (known && pass.earlierMs !== undefined && mayWait(known, pass)) {
      known.seenIn = pass.number;
      return;
    }
    const stat = readStat(procfs, pid);
    if (stat === undefined) return;
    if (known?.startTicks === stat.startTicks) update(known, stat, pass);
    else table.set(pid, newProcess(pid, stat, pass));
  }

  return {
    begin(nowMs, continues) {
      queue = procfs.list('');
      position = 0;
      pass = {
        number: pass.number + 1,
        atMs: nowMs,
        earlierMs: continues ? pass.atMs : undefined,
      };
    },
    step(most) {
      const end = Math.min(queue.length, position + most);
      for (; position < end; position += 1) {
        const pid = Number(queue[position]);
        if (Number.isInteger(pid)) visit(pid);
      }
      if (position < queue.length) return false;
      for (const process of table.values()) {
        if (process.seenIn !== pass.number) table.delete(process.pid);
      }
      queue = [];
      return true;
    },
    all: () => table.values(),
  };
}

function mayWait(known: Process, pass: Pass): boolean {
  const turn = pass.number + known.pid;
  if (known.isKernelThread) return turn % kernelThreadsEvery !== 0;
  return known.idleReadings >= idleAfter && turn % idleEvery !== 0;
}

function update(known: Process, stat: ProcessStat, pass: Pass): void {
  const grown = stat.cpuTicks - known.cpuTicks;
  const sinceMs = pass.earlierMs === undefined ? 0 : pass.atMs - known.readAtMs;
  known.cpuPercent = toPercent(grown, sinceMs);
  known.idleReadings = grown > 0 ? 0 : known.idleReadings + 1;
  known.cpuTicks = stat.cpuTicks;
  known.rssPages = stat.rssPages;
  known.readAtMs = pass.atMs;
  known.seenIn = pass.number;
  // exec(2) keeps the pid and the start, and changes the name.
  if (!known.isKernelThread) known.name = toText(stat.comm);
}

/** One that was not there in the pass before has used all of its time since then. */
function newProcess(pid: number, stat: ProcessStat, pass: Pass): Process {
  const sinceMs = pass.earlierMs === undefined ? 0 : pass.atMs - pass.earlierMs;
  return {
    pid,
    name: stat.isKernelThread ? toKernelName(stat.comm) : toText(stat.comm),
    isKernelThread: stat.isKernelThread,
    cpuPercent: toPercent(stat.cpuTicks, sinceMs),
    rssPages: stat.rssPages,
    startTicks: stat.startTicks,
    cpuTicks: stat.cpuTicks,
    readAtMs: pass.atMs,
    idleReadings: 0,
    seenIn: pass.number,
  };
}

function toPercent(ticks: number, duringMs: number): number {
  return ticks > 0 && duringMs > 0 ? (100 * ticks) / ticksPerSecond / (duringMs / 1000) : 0;
}

/** Undefined for a process that is gone, or that the agent may not see. */
function readStat(procfs: Procfs, pid: number): ProcessStat | undefined {
  try {
    return parseProcessStat(procfs.readOnce(`${pid}/stat`));
  } catch (error) {
    if (isMissing(error) || isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ESRCH' || code === 'EACCES' || code === 'EPERM';
}

/** `kworker/3:1-events` is one of many that come and go: they count as `kworker`. */
const toKernelName = (comm: string) => toText(comm).split('/', 1)[0] ?? comm;

/** Files are read as latin1; a command is UTF-8 at best. */
function toText(comm: string): string {
  return /[\x80-\xff]/.test(comm) ? Buffer.from(comm, 'latin1').toString('utf8') : comm;
}
