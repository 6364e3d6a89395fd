import { linkSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './config/schema.ts';
import { readTrimmed } from './identity.ts';

export interface LockDeps {
  pid: number;
  /** Where /proc is; another folder in tests. */
  procRoot: string;
  sleep: (ms: number) => Promise<void>;
}

/** Who has the lock looks once more: another may have found a dead agent's lock, and remove this one for it. */
const lookAgainMs = 100;

/** A predecessor may be about to end, with its last batch on the way. */
const waitMs = 10_000;

/**
 * Keeps a second agent off the state directory: both would number their batches alike and settle each other's. A file
 * names the process, for Node has no flock(2); one of a dead process (kill -9, a reboot) is taken over, and a process
 * that only has the same number is told by boot and start time. Gives the release. Throws ConfigError when an agent has
 * the directory and keeps it, or the system's error where it cannot be written. Containers that share a directory do not
 * see each other's processes: they are not kept apart.
 */
export async function lockStateDirectory(directory: string, deps: LockDeps): Promise<() => void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'agent.lock');
  const own = describeProcess(deps.pid, deps);
  for (let waitedMs = 0; !claim(path, own); waitedMs += lookAgainMs) {
    const holder = readTrimmed(path);
    if (holder !== undefined && !isAlive(holder, deps)) {
      if (readTrimmed(path) === holder) removeIfThere(path);
    } else if (waitedMs >= waitMs) {
      throw inUse(directory, holder);
    }
    await deps.sleep(lookAgainMs);
  }
  await deps.sleep(lookAgainMs);
  const holder = readTrimmed(path);
  if (holder !== own) throw inUse(directory, holder);
  return () => {
    if (readTrimmed(path) === own) removeIfThere(path);
  };
}

/** The file appears with its content or not at all. */
function claim(path: string, own: string): boolean {
  const draft = `${path}.${own.split(' ')[0] ?? ''}`;
  writeFileSync(draft, `${own}\n`, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    removeIfThere(draft);
  }
}

/** `pid boot start`: proc_pid_stat(5) field 22, in clock ticks after the boot. */
function describeProcess(pid: number, { procRoot }: LockDeps): string {
  const boot = readTrimmed(`${procRoot}/sys/kernel/random/boot_id`) ?? '-';
  return `${pid} ${boot} ${startTime(pid, procRoot) ?? '-'}`;
}

function startTime(pid: number, procRoot: string): string | undefined {
  const stat = readTrimmed(`${procRoot}/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function isAlive(holder: string, deps: LockDeps): boolean {
  const pid = Number(holder.split(' ')[0]);
  return Number.isInteger(pid) && pid > 0 && isThere(pid) && describeProcess(pid, deps) === holder;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or not ours to remove: the next start judges it.
  }
}

function inUse(directory: string, holder: string | undefined): ConfigError {
  const pid = holder?.split(' ')[0] ?? 'unknown';
  return new ConfigError(`state_dir ${directory} is in use by another agent, process ${pid}`);
}
