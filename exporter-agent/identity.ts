import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
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
  const made = await deriveHostId(readTrimmed(options.machineIdFile));
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
  let machineId = readTrimmed(machineIdFile);
  if (machineId === undefined || machineId === '') {
    const file = join(stateDir, 'machine');
    machineId = readTrimmed(file) ?? randomBytes(16).toString('hex');
    tryReplaceFile(file, `${machineId}\n`);
  }
  return createHmac('sha256', machineId).update('gaugeway-agent machine').digest('hex');
}

/** node:crypto is loaded on the first start only: the memory budget. */
async function deriveHostId(machineId: string | undefined): Promise<string> {
  const { createHmac, randomBytes } = await import('node:crypto');
  const hash =
    machineId === undefined || machineId === ''
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

/** Writes beside and renames, so that a reader sees the old or the new. False when the disk refuses. */
export function tryReplaceFile(path: string, text: string): boolean {
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return true;
  } catch {
    return false;
  }
}
