import { join } from 'node:path';
import { readTrimmed, tryReplaceFile } from './identity.ts';

const fileName = 'key';

/** The key that the agent sends, and whether it may be replaced. */
export interface Credential {
  key: string | undefined;
  /** `configured`: an option or a file of the operator's, which would be in force again after a restart. */
  source: 'configured' | 'state_dir' | 'none';
}

export function loadCredential(configured: string | undefined, stateDir: string): Credential {
  if (configured !== undefined) return { key: configured, source: 'configured' };
  const kept = readTrimmed(join(stateDir, fileName));
  return kept === undefined || kept === ''
    ? { key: undefined, source: 'none' }
    : { key: kept, source: 'state_dir' };
}

/** Kept with mode 0600 before it is used: the old key ends when the new one is seen. False when the disk refuses. */
export function keepKey(stateDir: string, key: string): boolean {
  return tryReplaceFile(join(stateDir, fileName), `${key}\n`);
}
