import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../platform/index.ts';
import type { HeldFile, Manifest } from './manifest.ts';

/** The first file that is not as the manifest says, in words; undefined where all are. */
export async function findDamage(
  folder: string,
  { parts }: Pick<Manifest, 'parts'>,
  tell: (bytes: number) => void = () => undefined,
): Promise<string | undefined> {
  for (const file of parts.flatMap(({ files }) => files)) {
    const damage = await damageOf(folder, file);
    if (damage !== undefined) return `${file.path} ${damage}`;
    tell(file.bytes);
  }
  return undefined;
}

async function damageOf(folder: string, file: HeldFile): Promise<string | undefined> {
  const path = join(folder, file.path);
  const hash = createHash('sha256');
  try {
    const { size } = await stat(path);
    if (size !== file.bytes) return `has ${size} bytes, not ${file.bytes}`;
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
  return hash.digest('hex') === file.sha256 ? undefined : 'has another checksum';
}
