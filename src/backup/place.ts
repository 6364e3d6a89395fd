import { existsSync, readdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GaugewayError } from '../platform/index.ts';

/** While it is there, the folder that holds it is no data directory. */
export const restoringName = '.restoring';

/** CONFLICT where a restore was killed: what is there is not all of it. */
export function requireWhole(dataDir: string): void {
  if (existsSync(join(dataDir, restoringName))) throw halfRestored(dataDir);
}

const halfRestored = (dataDir: string): GaugewayError =>
  new GaugewayError(
    'CONFLICT',
    `A restore into ${dataDir} did not come to its end: remove what is in it and restore again.`,
  );

/** Of a file system itself, and programs that were fetched: no data. */
const harmless = ['lost+found', 'bin'];

/** CONFLICT for a folder with anything in it; that there is none yet is good. */
export function requireEmpty(folder: string, what: string): void {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  if (names.every((name) => harmless.includes(name))) return;
  if (names.includes(restoringName)) throw halfRestored(folder);
  throw new GaugewayError('CONFLICT', `${folder} is not empty: ${what} goes into an empty folder`, {
    details: { folder },
  });
}

/** Takes back what was begun: a folder that was made for it, or what is in one that was there and may be a mount. */
export async function takeBack(folder: string, wasThere: boolean): Promise<void> {
  const names = wasThere ? await readdir(folder).catch(() => []) : [];
  const ours = names.filter((name) => !harmless.includes(name)).map((name) => join(folder, name));
  for (const path of wasThere ? ours : [folder]) await rm(path, { recursive: true, force: true });
}
