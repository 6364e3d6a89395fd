import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

export interface Checked {
  bytes: number;
  /** Lower-case hexadecimal. */
  sha256: string;
}

/** Reads a file again only when it was replaced: one of them has 100 MB. Undefined where there is none. */
export function createChecksums(): (path: string) => Promise<Checked | undefined> {
  const known = new Map<string, { stamp: string; checked: Promise<Checked> }>();
  return async (path) => {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) return undefined;
    const stamp = `${found.mtimeMs} ${found.size} ${found.ino}`;
    const kept = known.get(path);
    if (kept?.stamp === stamp) return kept.checked;
    const checked = sha256Of(path).then((sha256) => ({ bytes: found.size, sha256 }));
    known.set(path, { stamp, checked });
    checked.catch(() => known.delete(path));
    return checked;
  };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
