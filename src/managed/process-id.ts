import { readFileSync } from 'node:fs';

/** A pid alone is reused; together with its start time it names one process. */
export interface ProcessId {
  pid: number;
  /** Clock ticks since boot, field 22 of `/proc/PID/stat` (proc(5)). */
  startTicks: string;
}

/** `undefined` when there is no such process, or only its zombie. */
export function identifyProcess(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in field 2 may hold spaces and brackets: fields are counted from its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTicks = fields[19];
    if (fields[0] === 'Z' || fields[0] === 'X' || startTicks === undefined) return undefined;
    return { pid, startTicks };
  } catch {
    return undefined;
  }
}

export function isAlive(id: ProcessId): boolean {
  return identifyProcess(id.pid)?.startTicks === id.startTicks;
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    return process.kill(id.pid, signal);
  } catch {
    return false;
  }
}
