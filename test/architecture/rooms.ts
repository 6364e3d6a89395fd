import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src', import.meta.url));

const foldersOf = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

/** The rooms of the house, by their path below `src`; the two halves of `storage` are rooms of their own. */
export function rooms(): string[] {
  return foldersOf(src).flatMap((name) =>
    name === 'storage' ? foldersOf(`${src}/storage`).map((half) => `storage/${half}`) : [name],
  );
}
