import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GaugewayError, requireDirectory, sleep, type Logger } from '../platform/index.ts';
import { identifyProcess, isAlive, signalProcess, type ProcessId } from './process-id.ts';

/** Says who runs a server on a directory, so that a second start is refused and an orphan is found. */
export interface DirectoryLock {
  /** The server that this directory's lock now speaks of. */
  noteChild(pid: number): void;
  release(): void;
}

interface LockRecord {
  owner: ProcessId;
  child?: ProcessId;
}

const lockName = 'gaugeway.lock';
/** How long a server that lost its parent may take to flush and end by itself. */
const orphanGraceMs = 15_000;

/**
 * Makes the directory (0700) and takes it for this process.
 * CONFLICT when a live process holds it, UNAVAILABLE when it cannot be written.
 * A server left behind by a killed owner is waited for, then ended.
 */
export async function lockDirectory(
  directory: string,
  what: string,
  log: Logger,
): Promise<DirectoryLock> {
  const file = join(directory, lockName);
  requireDirectory(directory, what);
  const previous = readLock(file);
  if (previous && isAlive(previous.owner)) throw inUse(directory, what, previous.owner.pid);
  if (previous?.child) await endOrphan(previous.child, what, log);
  rmSync(file, { force: true });
  const owner = identifyProcess(process.pid) ?? { pid: process.pid, startTicks: '' };
  try {
    writeLock(file, { owner }, 'wx');
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    throw inUse(directory, what, readLock(file)?.owner.pid);
  }
  return {
    noteChild: (pid) => {
      const child = identifyProcess(pid);
      writeLock(file, child ? { owner, child } : { owner }, 'w');
    },
    release: () => rmSync(file, { force: true }),
  };
}

/** Whether a live process runs a server on the directory. */
export function isHeld(directory: string): boolean {
  const record = readLock(join(directory, lockName));
  return record !== undefined && isAlive(record.owner);
}

function readLock(file: string): LockRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LockRecord;
  } catch {
    return undefined;
  }
}

function writeLock(file: string, record: LockRecord, flag: 'w' | 'wx'): void {
  writeFileSync(file, JSON.stringify(record), { flag, mode: 0o600 });
}

/** The parent-death signal is already on its way when the owner is gone; most orphans end by themselves. */
async function endOrphan(child: ProcessId, what: string, log: Logger): Promise<void> {
  if (!isAlive(child)) return;
  log.warn('waiting for a server that an earlier process left behind', { what, pid: child.pid });
  if (await waitForEnd(child, orphanGraceMs)) return;
  signalProcess(child, 'SIGTERM');
  if (await waitForEnd(child, orphanGraceMs)) return;
  signalProcess(child, 'SIGKILL');
  await waitForEnd(child, orphanGraceMs);
}

async function waitForEnd(id: ProcessId, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (isAlive(id)) {
    if (performance.now() > end) return false;
    await sleep(25);
  }
  return true;
}

function inUse(directory: string, what: string, pid: number | undefined): GaugewayError {
  return new GaugewayError(
    'CONFLICT',
    `${directory} is in use by process ${pid ?? 'unknown'}, which runs ${what} there. ` +
      'Stop it, or choose another directory with GAUGEWAY_DATA_DIR.',
    { details: { directory, pid } },
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
