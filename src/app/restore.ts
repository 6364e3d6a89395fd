import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  copyChecked,
  findDamage,
  foldersOf,
  readManifest,
  requireEmpty,
  restoringName,
  takeBack,
  type HeldFile,
  type Manifest,
  type Part,
} from '../backup/index.ts';
import { findPostgresTools, startPostgres, victoriaStorage } from '../managed/index.ts';
import {
  createMeters,
  GaugewayError,
  messageOf,
  silentLogger,
  type LoadedConfig,
} from '../platform/index.ts';
import {
  createPostgres,
  describeDatabase,
  migrationNames,
  settleRestored,
  type Postgres,
} from '../storage/postgres/index.ts';
import { externalTarget } from './backends.ts';
import { journalDirOf } from './backup.ts';
import { storeName } from './backup-stores.ts';
import { createLifecycle, type Lifecycle } from './lifecycle.ts';

export interface RestoreOptions {
  loaded: LoadedConfig;
  /** The backup. */
  folder: string;
  migrationsDir: string;
  tell: (what: string, bytes: number) => void;
  signal: AbortSignal;
}

export interface Restored {
  manifest: Manifest;
  /** What is left for a person to do. */
  notes: string[];
}

interface Restoring extends RestoreOptions {
  manifest: Manifest;
  dataDir: string;
  /** Where everything grows until it is whole. */
  work: string;
  notes: string[];
  bytes: number;
  /** Where the journal was laid, outside the data directory. */
  journalDir?: string;
}

/** Which folder of the data directory a part is, where it is one. */
const places: Partial<Record<Part['kind'], (name: string) => string>> = {
  victoria: victoriaStorage,
  data: () => '',
  exports: () => 'exports',
};

/**
 * Whether a backup can be restored by this program: its manifest, every checksum, its schema. NOT_FOUND or BAD_REQUEST say
 * why not.
 */
export async function checkBackup({
  folder,
  migrationsDir,
  tell,
}: Pick<RestoreOptions, 'folder' | 'migrationsDir' | 'tell'>): Promise<Manifest> {
  const manifest = readManifest(folder);
  const known = await migrationNames({ directory: migrationsDir });
  const unknown = manifest.migrations.filter((name) => !known.includes(name)).at(-1);
  if (unknown !== undefined) {
    throw new GaugewayError(
      'BAD_REQUEST',
      `The backup is of version ${manifest.version}, whose database has ${unknown}, which this program does not know: ` +
        'restore it with that version or a newer one.',
    );
  }
  let bytes = 0;
  const damage = await findDamage(folder, manifest, (more) => tell('checking', (bytes += more)));
  if (damage === undefined) return manifest;
  throw new GaugewayError('BAD_REQUEST', `The backup is damaged: ${damage}`);
}

/**
 * Everything of a backup into an empty data directory, and into an empty database where one is given: all of it, or
 * nothing. CONFLICT where something is there already.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { loaded } = options;
  const dataDir = resolve(loaded.config.dataDir);
  requireEmpty(dataDir, 'what is restored');
  const manifest = await checkBackup(options);
  const wasThere = existsSync(dataDir);
  const work = join(dataDir, restoringName);
  await mkdir(work, { recursive: true, mode: 0o700 });
  const lifecycle = createLifecycle(silentLogger);
  const restoring: Restoring = { ...options, manifest, dataDir, work, notes: [], bytes: 0 };
  try {
    const database = await openDatabase(restoring, lifecycle);
    for (const part of manifest.parts) await layPart(restoring, part);
    await fillDatabase(restoring, database);
    await lifecycle.stop();
    options.signal.throwIfAborted();
  } catch (error) {
    await lifecycle.stop();
    await takeBack(dataDir, wasThere);
    if (restoring.journalDir !== undefined) await takeBack(restoring.journalDir, true);
    throw error;
  }
  for (const name of await readdir(work)) await rename(join(work, name), join(dataDir, name));
  await rmdir(work);
  await layRules(restoring);
  return { manifest, notes: restoring.notes };
}

interface Target {
  postgres: Postgres;
  url: string;
  major: number;
}

async function openDatabase(restoring: Restoring, lifecycle: Lifecycle): Promise<Target> {
  const url = await urlOf(restoring, lifecycle);
  const postgres = createPostgres({
    ...{ url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  lifecycle.onStop('Postgres pool', () => postgres.close());
  const { major, isEmpty } = await describeDatabase(postgres);
  if (!isEmpty) {
    throw new GaugewayError('CONFLICT', 'The database has tables already: give an empty one.');
  }
  const { server } = restoring.manifest.postgres;
  if (server > major) {
    throw new GaugewayError(
      'BAD_REQUEST',
      `The backup is of a database of Postgres ${server}, this one is Postgres ${major}: a newer one is needed.`,
    );
  }
  return { postgres, url, major };
}

async function urlOf({ loaded, manifest, folder, work }: Restoring, lifecycle: Lifecycle) {
  const given = loaded.secrets.databaseUrl;
  if (given !== undefined) return given;
  const dataDir = join(work, 'postgres');
  // The password that was known before goes on.
  const password = filesOf(manifest, 'data').find(({ path }) => path === 'data/postgres/password');
  if (password) await copyChecked(join(folder, password.path), join(dataDir, 'password'));
  const postgres = await startPostgres({ dataDir, log: silentLogger });
  lifecycle.onStop('managed Postgres', () => postgres.stop(), 30_000);
  return postgres.url;
}

async function fillDatabase(restoring: Restoring, { postgres, url, major }: Target): Promise<void> {
  const { folder, manifest, signal } = restoring;
  restoring.tell('database', restoring.bytes);
  const tools = findPostgresTools(Math.max(major, manifest.postgres.tool));
  const dump = filesOf(manifest, 'postgres')[0];
  if (!dump) throw new GaugewayError('BAD_REQUEST', 'The backup holds no database.');
  await tools.restore(url, join(folder, dump.path), signal);
  await settleRestored(postgres);
}

const filesOf = ({ parts }: Manifest, kind: Part['kind']): HeldFile[] =>
  parts.filter((part) => part.kind === kind).flatMap(({ files }) => files);

async function layPart(restoring: Restoring, part: Part): Promise<void> {
  const { loaded, notes, folder, work } = restoring;
  if (!part.isHeld) {
    notes.push(`${part.name} was ${part.note ?? 'not held'}`);
    return;
  }
  if (part.kind === 'journal') return layJournal(restoring, part);
  const place = places[part.kind];
  if (!place) return;
  const tier = (['raw', '1m', '5m'] as const).find((one) => storeName(one) === part.name);
  if (tier && externalTarget(tier, loaded)) {
    notes.push(
      `${part.name} is given by URL: stop it, copy ${join(resolve(folder), part.name)} into its empty ` +
        '-storageDataPath, and start it again',
    );
    return;
  }
  await lay(restoring, part, join(work, place(part.name)));
}

async function layJournal(restoring: Restoring, part: Part): Promise<void> {
  const dir = journalDirOf(restoring.loaded);
  if (dir === undefined) {
    restoring.notes.push('the journal was left out: forward.journal.enabled is false');
    return;
  }
  const usual = join(restoring.dataDir, 'journal');
  if (dir !== usual) {
    requireEmpty(dir, 'the journal');
    restoring.journalDir = dir;
  }
  await lay(restoring, part, dir === usual ? join(restoring.work, 'journal') : dir);
}

async function lay(restoring: Restoring, part: Part, place: string): Promise<void> {
  const { folder, signal } = restoring;
  const at = (path: string): string => join(place, path.slice(part.name.length));
  for (const path of foldersOf(part)) await mkdir(at(path), { recursive: true, mode: 0o700 });
  for (const { path, bytes, sha256 } of part.files) {
    signal.throwIfAborted();
    const copied = await copyChecked(join(folder, path), at(path));
    if (copied.sha256 !== sha256) {
      throw new GaugewayError('BAD_REQUEST', `The backup is damaged: ${path} changed meanwhile`);
    }
    restoring.tell(part.name, (restoring.bytes += bytes));
  }
}

/** Rule files go where they are read; one that is another there already stays, and ours is laid aside. */
async function layRules({ loaded, manifest, folder, dataDir, notes }: Restoring): Promise<void> {
  const { config } = loaded;
  const readFrom = [
    ['rules/rules/', resolve(config.rulesDir)],
    ['rules/whitelist.yaml', resolve(config.ingest.whitelistFile)],
  ] as const;
  for (const { path } of filesOf(manifest, 'rules')) {
    const [begin, root] = readFrom.find(([one]) => path.startsWith(one)) ?? ['', dataDir];
    const place = join(root, path.slice(begin.length));
    const held = join(folder, path);
    const problem = await layRule(held, place);
    if (problem === undefined) continue;
    const aside = join(dataDir, 'of-the-backup', path.slice('rules/'.length));
    await copyChecked(held, aside);
    notes.push(`${place} ${problem}: that of the backup is in ${aside}`);
  }
}

/** Why it could not be laid; the directory of the rules may belong to somebody else. */
async function layRule(held: string, place: string): Promise<string | undefined> {
  if (existsSync(place)) {
    return readFileSync(place).equals(readFileSync(held)) ? undefined : 'is another one';
  }
  try {
    await copyChecked(held, place);
    return undefined;
  } catch (error) {
    return `cannot be written (${messageOf(error)})`;
  }
}
