import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export const hostIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * The host's id: as configured, else as kept, else made once and kept in the state directory.
 * It is derived from machine-id by HMAC, because machine-id(5) asks not to show the id itself; a host
 * without one gets a random id.
 */
export async function loadHostId(options: {
  configured: string | undefined;
  stateDir: string | undefined;
  machineIdFile: string;
}): Promise<string> {
  if (options.configured !== undefined) return options.configured;
  const kept = options.stateDir === undefined ? undefined : keptHostId(options.stateDir);
  if (kept !== undefined) return kept;
  const made = await deriveHostId(readMachineId(options.machineIdFile));
  if (options.stateDir !== undefined) keepHostId(options.stateDir, made);
  return made;
}

/** The id of an earlier start, or of an enrolment. */
export function keptHostId(stateDir: string): string | undefined {
  const kept = readTrimmed(join(stateDir, 'host-id'));
  return kept !== undefined && hostIdPattern.test(kept) ? kept : undefined;
}

export function keepHostId(stateDir: string, hostId: string): boolean {
  return tryReplaceFile(join(stateDir, 'host-id'), `${hostId}\n`);
}

/**
 * What tells this machine from all others, as hex of an HMAC. Another text than for the host id, which everybody sees:
 * who knows that cannot enrol as this machine. A machine without machine-id(5) makes one up and keeps it.
 */
export async function machineFingerprint(machineIdFile: string, stateDir: string): Promise<string> {
  const { createHmac, randomBytes } = await import('node:crypto');
  let machineId = readMachineId(machineIdFile);
  if (machineId === undefined) {
    const file = join(stateDir, 'machine');
    machineId = readMachineId(file);
    if (machineId === undefined) {
      machineId = randomBytes(16).toString('hex');
      tryReplaceFile(file, `${machineId}\n`);
    }
  }
  return createHmac('sha256', machineId).update('gaugeway-agent machine').digest('hex');
}

/** node:crypto is loaded on the first start only: the memory budget. */
async function deriveHostId(machineId: string | undefined): Promise<string> {
  const { createHmac, randomBytes } = await import('node:crypto');
  const hash =
    machineId === undefined
      ? randomBytes(8).toString('hex')
      : createHmac('sha256', machineId).update('gaugeway-agent host id').digest('hex');
  return `h-${hash.slice(0, 16)}`;
}

export function readTrimmed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** machine-id(5). Images and first boots have an empty one or `uninitialized`, which would be one machine for all. */
function readMachineId(path: string): string | undefined {
  const text = readTrimmed(path);
  return text !== undefined && /^[0-9a-f]{32}$/i.test(text) ? text : undefined;
}

/**
 * Writes beside and renames, so that a reader sees the old or the new, after a power cut as well. False when the disk
 * refuses. The draft is made anew: install.sh calls this as root in a folder of the service's user, who might have put
 * a link there.
 */
export function tryReplaceFile(path: string, text: string): boolean {
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    const draft = `${path}.new`;
    rmSync(draft, { force: true });
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(draft, path);
    syncDirectory(join(path, '..'));
    return true;
  } catch {
    return false;
  }
}

/** The new name itself: without it the old file may be back, with a key that the server has ended. */
function syncDirectory(path: string): void {
  let directory: number | undefined;
  try {
    directory = openSync(path, 'r');
    fsyncSync(directory);
  } catch {
    // Some filesystems refuse it for a directory: the file is in its place all the same.
  } finally {
    if (directory !== undefined) closeSync(directory);
  }
}
