import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TextfileDirectory } from './textfile.ts';

/** The real directory; undefined where none is configured. */
export function openTextfiles(directory: string | undefined): TextfileDirectory | undefined {
  if (directory === undefined) return undefined;
  return {
    list: () =>
      readdirSync(directory)
        .filter((name) => name.endsWith('.prom'))
        .sort()
        .map((name) => {
          const { mtimeMs, size } = statSync(join(directory, name));
          return { name, changedMs: mtimeMs, bytes: size };
        }),
    read: (name) => readFileSync(join(directory, name), 'utf8'),
  };
}
