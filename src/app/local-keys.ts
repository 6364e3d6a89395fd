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
  /** Where the server was at its last start, for commands on this machine. */
  url?: string;
}

const fileName = 'local-keys.json';

/** Those that a server on this machine has left in its data directory; undefined where none did, or not for us. */
export function readLocalKeys(dataDir: string): LocalKeys | undefined {
  return read(join(dataDir, fileName));
}

/** Makes the keys at the first start and keeps them in the data directory (0600), where later starts find them. */
export async function localKeys(access: Access, dataDir: string, url: string): Promise<LocalKeys> {
  const kept = readLocalKeys(dataDir);
  if (kept && (await areGood(access, kept))) return keep({ ...kept, url }, dataDir);
  const hostId = hostname().toLowerCase().slice(0, 128) || 'localhost';
  const issued = await access.bootstrap.localKeys({ hostId });
  const keys: LocalKeys = {
    agent: issued.agent.key,
    read: issued.read.key,
    write: issued.write.key,
    hostId,
    url,
  };
  return keep(keys, dataDir);
}

function keep(keys: LocalKeys, dataDir: string): LocalKeys {
  const path = join(dataDir, fileName);
  writeFileSync(`${path}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return keys;
}

function read(path: string): LocalKeys | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<LocalKeys>;
    const { agent, read: reads, write, hostId, url } = value;
    if (!agent || !reads || !write || !hostId) return undefined;
    return { agent, read: reads, write, hostId, ...(url === undefined ? {} : { url }) };
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
