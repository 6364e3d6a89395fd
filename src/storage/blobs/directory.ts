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
      const names = await readdir(dir).catch(() => []);
      let removed = 0;
      for (const name of names.filter((one) => one.startsWith(prefix))) {
        const path = join(dir, name);
        const found = await stat(path).catch(() => undefined);
        if (!found?.isFile() || found.mtimeMs >= olderThanMs) continue;
        await rm(path, { force: true });
        removed += 1;
      }
      return removed;
    },
    async removeOf(tenantId) {
      const names = await readdir(dir).catch(() => []);
      const own = names.filter((name) => prefixesOf(tenantId).some((one) => name.startsWith(one)));
      for (const name of own) await rm(join(dir, name), { force: true });
      return own.length;
    },
  };
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
