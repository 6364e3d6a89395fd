import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GaugewayError } from './errors.ts';

/**
 * Makes a directory (0700, with its parents) and writes to it once.
 * UNAVAILABLE says whose directory it is to be (`what`), who we are and how to choose another.
 */
export function requireDirectory(directory: string, what: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const probe = join(directory, `.probe-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new GaugewayError(
      'UNAVAILABLE',
      `The data directory of ${what}, ${directory}, cannot be written by user id ${process.getuid?.() ?? '?'} ` +
        `(${reason}). Give it to this user, or choose another with GAUGEWAY_DATA_DIR.`,
      { details: { directory }, cause: error },
    );
  }
}
