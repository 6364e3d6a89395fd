import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HeldFile } from './manifest.ts';

export interface Copied {
  bytes: number;
  files: HeldFile[];
  folders: string[];
}

interface CopyOptions {
  /** Where the copy lies in the backup; the paths of its files begin so. */
  as: string;
  /** Names of entries that stay behind, at any depth. */
  without?: readonly string[];
  /** Only files for which it holds. */
  only?: (name: string) => boolean;
  /** Called with the bytes of each file. */
  tell?: (bytes: number) => void;
  signal?: AbortSignal;
}

/**
 * Copies a tree, what links point to included, and its checksums on the way. What disappears meanwhile is left out: the
 * journal forgets segments that storage has.
 */
export async function copyTree(
  from: string,
  backup: string,
  options: CopyOptions,
): Promise<Copied> {
  const copied: Copied = { bytes: 0, files: [], folders: [] };
  const walk = async (source: string, path: string): Promise<void> => {
    options.signal?.throwIfAborted();
    const found = await unlessGone(stat(source));
    if (!found) return;
    if (found.isDirectory()) {
      copied.folders.push(path);
      await mkdir(join(backup, path), { recursive: true, mode: 0o700 });
      for (const name of (await readdir(source)).sort()) {
        if (!options.without?.includes(name)) await walk(join(source, name), `${path}/${name}`);
      }
      return;
    }
    if (!found.isFile() || options.only?.(source) === false) return;
    const file = await unlessGone(copyChecked(source, join(backup, path)));
    if (!file) return;
    copied.files.push({ path, ...file });
    copied.bytes += file.bytes;
    options.tell?.(file.bytes);
  };
  await walk(from, options.as);
  return copied;
}

/** Every folder above the files of a part, and those without a file. */
export const foldersOf = ({ files, folders }: Pick<Copied, 'files' | 'folders'>): string[] => [
  ...new Set([...folders, ...files.map(({ path }) => dirname(path))]),
];

/** Copies one file (0600): what was copied, by its length and checksum. */
export async function copyChecked(
  from: string,
  to: string,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  // A copy that is not on the disk yet is none: `flush` is fsync before the file is closed.
  await pipeline(
    createReadStream(from),
    count,
    createWriteStream(to, { mode: 0o600, flush: true }),
  );
  return { bytes, sha256: hash.digest('hex') };
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
