import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes the entries of a folder in which nothing was written since then: their number. */
export async function removeLeftOvers(folder: string, beforeMs: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    if ((await newestIn(path)) >= beforeMs) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

/** When the entry or anything in it was written last; for one that is gone, now. */
async function newestIn(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return Infinity;
  if (!found.isDirectory()) return found.mtimeMs;
  const inside = await readdir(path).catch(() => []);
  const times = await Promise.all(inside.map((name) => newestIn(join(path, name))));
  return Math.max(found.mtimeMs, ...times);
}
