import { closeSync, openSync, readSync, readdirSync, realpathSync } from 'node:fs';

/** Reads text files below the proc root; the only way a collector sees /proc. */
export interface Procfs {
  /** The whole file, latin1; throws the system's error when it cannot be read. `path` is below the root: `net/dev`. */
  read(path: string): string;
  /** The same without keeping the file open: for what is read seldom, or comes and goes as processes do. */
  readOnce(path: string): string;
  /** Names in a directory. */
  list(path: string): string[];
  /** Where a link leads in the end, as an absolute path of this process. */
  resolve(path: string): string;
  close(): void;
}

/** The trimmed content of a small file read seldom, or undefined where the kernel will not tell it. */
export function readValue(tree: Procfs, path: string): string | undefined {
  try {
    return tree.readOnce(path).trim();
  } catch (error) {
    if (isMissing(error) || isUnreadable(error)) return undefined;
    throw error;
  }
}

/** The sorted names in a directory, or none where there is no such directory. */
export function listNames(tree: Procfs, path: string): string[] {
  try {
    return tree.list(path).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Drivers refuse what they cannot tell just now: `speed` of a link that is down, a sensor asleep. */
function isUnreadable(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && unreadable.has(code);
}

const unreadable = new Set(['EINVAL', 'EACCES', 'EPERM', 'EIO', 'EAGAIN', 'EISDIR', 'ENODATA']);

/** The kernel does not have it: no such file, no such device, or switched off at boot (EOPNOTSUPP, of PSI). */
export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && missing.has(code);
}

const missing = new Set(['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR', 'EOPNOTSUPP', 'ENOTSUP']);

/**
 * Keeps each file open and reads it from offset 0 again, which the kernel's seq files allow:
 * a third of the system calls, measured. A file that fails is opened anew the next time.
 */
export function createProcfs(procRoot: string): Procfs {
  const open = new Map<string, number>();
  let buffer = Buffer.allocUnsafe(16_384);

  function readAll(fd: number): string {
    let length = 0;
    for (;;) {
      const got = readSync(fd, buffer, length, buffer.length - length, length);
      if (got === 0) return buffer.toString('latin1', 0, length);
      length += got;
      if (length === buffer.length) buffer = Buffer.concat([buffer], length * 2);
    }
  }

  function forget(path: string): void {
    const fd = open.get(path);
    open.delete(path);
    if (fd !== undefined) closeSync(fd);
  }

  return {
    read(path) {
      let fd = open.get(path);
      if (fd === undefined) {
        fd = openSync(`${procRoot}/${path}`, 'r');
        open.set(path, fd);
      }
      try {
        return readAll(fd);
      } catch (error) {
        forget(path);
        throw error;
      }
    },
    readOnce(path) {
      const fd = openSync(`${procRoot}/${path}`, 'r');
      try {
        return readAll(fd);
      } finally {
        closeSync(fd);
      }
    },
    list: (path) => readdirSync(`${procRoot}/${path}`),
    resolve: (path) => realpathSync(`${procRoot}/${path}`),
    close() {
      for (const path of [...open.keys()]) forget(path);
    },
  };
}
