import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Access } from '../access/index.ts';

/** Keys of the tenant `default` that this installation uses itself or offers for copying. */
export interface LocalKeys {
  agent: string;
  read: string;
  write: string;
  /** The host that the agent's key is bound to. */
  hostId: string;
}

const fileName = 'local-keys.json';

/** Makes the keys at the first start and keeps them in the data directory (0600), where later starts find them. */
export async function localKeys(access: Access, dataDir: string): Promise<LocalKeys> {
  const path = join(dataDir, fileName);
  const kept = read(path);
  if (kept && (await areGood(access, kept))) return kept;
  const hostId = hostname().toLowerCase().slice(0, 128) || 'localhost';
  const issued = await access.bootstrap.localKeys({ hostId });
  const keys: LocalKeys = {
    agent: issued.agent.key,
    read: issued.read.key,
    write: issued.write.key,
    hostId,
  };
  writeFileSync(`${path}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return keys;
}

function read(path: string): LocalKeys | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<LocalKeys>;
    const { agent, read: reads, write, hostId } = value;
    return agent && reads && write && hostId ? { agent, read: reads, write, hostId } : undefined;
  } catch {
    return undefined;
  }
}

/** The database may have been replaced, or a key revoked, since they were kept. */
async function areGood(access: Access, keys: LocalKeys): Promise<boolean> {
  for (const key of [keys.agent, keys.read, keys.write]) {
    if (!(await access.authenticate(`Bearer ${key}`)).ok) return false;
  }
  return true;
}
