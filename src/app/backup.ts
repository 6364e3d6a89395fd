import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import {
  copyTree,
  manifestName,
  readManifest,
  requireEmpty,
  sealManifest,
  takeBack,
  type Copied,
  type Manifest,
  type Part,
  type PartKind,
} from '../backup/index.ts';
import { findPostgresTools } from '../managed/index.ts';
import {
  createMeters,
  GaugewayError,
  messageOf,
  silentLogger,
  type LoadedConfig,
} from '../platform/index.ts';
import { createPostgres, describeDatabase, migrationState } from '../storage/postgres/index.ts';
import { createSnapshots, createVictoriaClient, readFlag } from '../storage/victoria/index.ts';
import { openStores, type HeldStore } from './backup-stores.ts';
import { createLifecycle } from './lifecycle.ts';

export type BackupManifest = Manifest;

export interface BackupOptions {
  loaded: LoadedConfig;
  /** The backup. */
  folder: string;
  version: string;
  migrationsDir: string;
  /** What it is at, and the bytes so far. */
  tell: (what: string, bytes: number) => void;
  signal: AbortSignal;
}

/** What a running backup adds to. */
interface Holding extends BackupOptions {
  parts: Part[];
  bytes: number;
}

/** In the data directory, beside the stores: what was made at the first start and what exists nowhere else. */
const dataFiles = ['signing-key', 'local-keys.json', join('postgres', 'password')];
const anyYaml = /\.ya?ml$/;

/**
 * Holds everything of the installation in an empty folder, while it runs or rests. The order is what makes the parts
 * fit: the database first, so that nothing in it claims that a tier has what the tier's snapshot lacks; then the journal;
 * then the samples, so that what the journal forgot meanwhile is in them.
 */
export async function makeBackup(options: BackupOptions): Promise<Manifest> {
  const folder = resolve(options.folder);
  requireEmpty(folder, 'a backup');
  const wasThere = existsSync(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const lifecycle = createLifecycle(silentLogger);
  const holding: Holding = { ...options, folder, parts: [], bytes: 0 };
  try {
    const stores = await openStores(options.loaded, lifecycle);
    const database = await holdDatabase(holding, stores.databaseUrl);
    await holdJournal(holding);
    for (const store of stores.victoria) await holdVictoria(holding, store);
    await holdFiles(holding, stores.victoria);
    await finish(holding, database);
    return readManifest(folder);
  } catch (error) {
    await takeBack(folder, wasThere);
    throw error;
  } finally {
    await lifecycle.stop();
  }
}

type Database = Pick<Manifest, 'migrations' | 'postgres'>;

async function holdDatabase(holding: Holding, url: string): Promise<Database> {
  const { folder, migrationsDir, signal } = holding;
  const postgres = createPostgres({
    ...{ url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  try {
    const { major } = await describeDatabase(postgres);
    const { applied } = await migrationState(postgres, { directory: migrationsDir });
    if (applied.length === 0) {
      throw new GaugewayError('NOT_FOUND', 'The database has no schema yet: nothing to hold.');
    }
    const tools = findPostgresTools(major);
    holding.tell('database', holding.bytes);
    const work = join(folder, 'dump');
    await mkdir(work, { mode: 0o700 });
    await tools.dump(url, join(work, 'gaugeway.dump'), signal);
    await hold(holding, { name: 'postgres', kind: 'postgres' }, work);
    await rm(work, { recursive: true });
    return { migrations: applied, postgres: { server: major, tool: tools.major } };
  } finally {
    await postgres.close();
  }
}

/** Where accepted batches wait; undefined without a journal. */
export function journalDirOf({ config }: LoadedConfig): string | undefined {
  const { enabled, dir } = config.forward.journal;
  return enabled ? resolve(dir ?? join(config.dataDir, 'journal')) : undefined;
}

async function holdJournal(holding: Holding): Promise<void> {
  const dir = journalDirOf(holding.loaded);
  if (dir !== undefined) await hold(holding, { name: 'journal', kind: 'journal' }, dir);
}

async function holdVictoria(holding: Holding, store: HeldStore): Promise<void> {
  const client = createVictoriaClient(store.target, { connections: 1 });
  const snapshots = createSnapshots(client);
  const part = { name: store.name, kind: 'victoria' } as const;
  try {
    holding.tell(store.name, holding.bytes);
    if (store.storageDir === undefined) {
      const note = await snapshots.create().then(
        async (name) => elsewhere(store, name, await readFlag(client, 'storageDataPath')),
        (error: unknown) => `not held: ${messageOf(error)}`,
      );
      holding.parts.push({ ...part, isHeld: false, note, bytes: 0, files: [], folders: [] });
      return;
    }
    const name = await snapshots.create();
    try {
      await hold(holding, part, join(store.storageDir, 'snapshots', name));
    } finally {
      await snapshots.remove(name);
    }
  } finally {
    await client.close();
  }
}

/** The files lie on another machine: what is to be called there. */
function elsewhere(
  { name, target }: HeldStore,
  snapshot: string,
  path: string | undefined,
): string {
  return (
    `not held: its snapshot ${snapshot} is on the machine of ${target.baseUrl}. There: ` +
    `vmbackup -storageDataPath=${path ?? 'ITS_STORAGE_PATH'} -snapshotName=${snapshot} -dst=fs:///BACKUPS/${name} ` +
    `and then ${target.baseUrl}/snapshot/delete?snapshot=${snapshot}`
  );
}

async function holdFiles(holding: Holding, victoria: readonly HeldStore[]): Promise<void> {
  const { config } = holding.loaded;
  const dataDir = resolve(config.dataDir);
  const secrets = victoria
    .filter(({ storageDir }) => storageDir !== undefined)
    .map(({ name }) => join(name, 'secrets.json'));
  const data = { name: 'data', kind: 'data' } as const;
  await holdAll(
    holding,
    data,
    [...dataFiles, ...secrets].map((name) => [join(dataDir, name), name]),
  );
  const exports = { name: 'exports', kind: 'exports', without: ['work'] } as const;
  await hold(holding, exports, join(dataDir, 'exports'));
  await holdAll(holding, { name: 'rules', kind: 'rules', only: (name) => anyYaml.test(name) }, [
    [resolve(config.rulesDir), 'rules'],
    ...lonelyWhitelist(holding.loaded),
  ]);
  const { folder, loaded } = holding;
  const text = JSON.stringify({ config, given: Object.fromEntries(loaded.given) }, null, 2);
  const work = join(folder, 'settings');
  await mkdir(work, { mode: 0o700 });
  await writeFile(join(work, 'config.json'), `${text}\n`, { mode: 0o600 });
  await hold(holding, { name: 'config', kind: 'config' }, work);
  await rm(work, { recursive: true });
}

/** The whitelist where it is not among the rules. */
function lonelyWhitelist({ config }: LoadedConfig): [from: string, as: string][] {
  const file = resolve(config.ingest.whitelistFile);
  const isAmongRules = file.startsWith(resolve(config.rulesDir) + sep);
  return isAmongRules ? [] : [[file, 'whitelist.yaml']];
}

interface PartSpec {
  name: string;
  kind: PartKind;
  without?: readonly string[];
  only?: (name: string) => boolean;
}

const hold = (holding: Holding, spec: PartSpec, from: string): Promise<void> =>
  holdAll(holding, spec, [[from, '']]);

/** Each source at its place below the part's folder; one that is not there is left out. */
async function holdAll(
  holding: Holding,
  { name, kind, ...choice }: PartSpec,
  sources: readonly (readonly [from: string, as: string])[],
): Promise<void> {
  const copies: Copied[] = [];
  for (const [from, as] of sources) {
    const options = {
      ...choice,
      as: as === '' ? name : `${name}/${as}`,
      signal: holding.signal,
      tell: (bytes: number) => holding.tell(name, (holding.bytes += bytes)),
    };
    copies.push(await copyTree(from, holding.folder, options));
  }
  const files = copies.flatMap((copy) => copy.files);
  const folders = copies.flatMap((copy) => copy.folders);
  if (files.length === 0 && folders.length === 0) return;
  const bytes = copies.reduce((sum, copy) => sum + copy.bytes, 0);
  holding.parts.push({ name, kind, isHeld: true, bytes, files, folders });
}

/** The manifest comes last and at once: a folder without one is no backup. */
async function finish({ folder, version, parts }: Holding, database: Database): Promise<void> {
  const path = join(folder, manifestName);
  const fresh = join(dirname(path), `${manifestName}.${randomUUID()}`);
  const createdAt = new Date().toISOString();
  const text = sealManifest({ version, createdAt, ...database, parts });
  await writeFile(fresh, text, { mode: 0o600, flush: true });
  await rename(fresh, path);
}
