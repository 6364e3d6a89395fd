import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '../../reports/index.ts';

/** As `reports` names files; a tenant's id has no dot. */
export const prefixesOf = (tenantId: string): readonly string[] => [
  `export-${tenantId}.`,
  `report-${tenantId}.`,
];

const goodName = /^[\w-][\w.-]{0,200}$/;

/** Files in one directory of this machine; replicas need a shared one, or a bucket. */
export function createDirectoryBlobs(dir: string): BlobStore {
  return {
    async put(name, path) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await move(path, join(dir, checked(name)));
    },
    async open(name) {
      if (!goodName.test(name)) return undefined;
      try {
        const handle = await open(join(dir, name), 'r');
        const { size } = await handle.stat();
        return { stream: createReadStream('', { fd: handle }), bytes: size };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    address: () => Promise.resolve(undefined),
    async purge(prefix, olderThanMs) {
      const old = (await filesOf(dir)).filter(
        ({ name, mtimeMs }) => name.startsWith(prefix) && mtimeMs < olderThanMs,
      );
      return removeAll(dir, old);
    },
    async trim(maxBytes) {
      const files = (await filesOf(dir)).sort((a, b) => b.mtimeMs - a.mtimeMs);
      let bytes = 0;
      return removeAll(
        dir,
        files.filter(({ size }) => (bytes += size) > maxBytes),
      );
    },
    async removeOf(tenantId) {
      const names = await readdir(dir).catch(() => []);
      const own = names.filter((name) => prefixesOf(tenantId).some((one) => name.startsWith(one)));
      for (const name of own) await rm(join(dir, name), { force: true });
      return own.length;
    },
  };
}

interface Found {
  name: string;
  size: number;
  mtimeMs: number;
}

async function filesOf(dir: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of await readdir(dir).catch(() => [])) {
    const file = await stat(join(dir, name)).catch(() => undefined);
    if (file?.isFile()) found.push({ name, size: file.size, mtimeMs: file.mtimeMs });
  }
  return found;
}

/** Another process may have removed one at the same time: that is counted there. */
async function removeAll(dir: string, files: readonly Found[]): Promise<number> {
  let removed = 0;
  for (const { name } of files) {
    try {
      await rm(join(dir, name));
      removed += 1;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return removed;
}

function checked(name: string): string {
  if (goodName.test(name)) return name;
  throw new Error('no name of a blob');
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    // Another file system: whole before it is seen.
    await copyFile(from, `${to}.part`);
    await rename(`${to}.part`, to);
  }
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code));
