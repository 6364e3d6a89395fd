import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isHeld, managedPostgresUrl, runningVictoria, victoriaStorage } from '../managed/index.ts';
import { GaugewayError, silentLogger, type LoadedConfig, type Tier } from '../platform/index.ts';
import type { VictoriaTarget } from '../storage/victoria/index.ts';
import { databaseUrl, externalTarget, victoriaTarget, type BackendOptions } from './backends.ts';
import type { Lifecycle } from './lifecycle.ts';

/** One VictoriaMetrics of the installation. */
export interface HeldStore {
  /** `victoria-raw`: its folder in the data directory, and in a backup. */
  name: string;
  target: VictoriaTarget;
  /** Where its samples lie on this machine; undefined for one that is given by URL. */
  storageDir: string | undefined;
}

export interface BackupStores {
  databaseUrl: string;
  victoria: readonly HeldStore[];
}

const tiers: readonly Tier[] = ['raw', '1m', '5m'];

export const storeName = (tier: Tier): string => `victoria-${tier}`;

/**
 * All stores of the installation, whether its server runs or not: what is managed here and rests is run until the
 * lifecycle stops. NOT_FOUND where the data directory holds no database and none is given.
 */
export async function openStores(
  loaded: LoadedConfig,
  lifecycle: Lifecycle,
): Promise<BackupStores> {
  const options = { loaded, lifecycle, log: silentLogger, managed: true };
  const url = await openDatabaseUrl(options);
  const victoria: HeldStore[] = [];
  for (const tier of tiers) {
    const store = await openTier(tier, options);
    if (store) victoria.push(store);
  }
  return { databaseUrl: url, victoria: [...victoria, ...shardsOf(loaded, victoria[0])] };
}

async function openDatabaseUrl(options: BackendOptions): Promise<string> {
  const { config, secrets } = options.loaded;
  const dir = join(config.dataDir, 'postgres');
  if (secrets.databaseUrl === undefined && !existsSync(join(dir, 'cluster'))) {
    throw new GaugewayError(
      'NOT_FOUND',
      `${config.dataDir} holds no database, and GAUGEWAY_DATABASE_URL is not set: ` +
        'say with GAUGEWAY_DATA_DIR or --config which server this is about.',
    );
  }
  if (secrets.databaseUrl !== undefined || !isHeld(dir)) return databaseUrl(options);
  const url = managedPostgresUrl(dir);
  if (url !== undefined) return url;
  throw new GaugewayError(
    'UNAVAILABLE',
    `The Postgres of ${dir} runs, but not where it can be found; stop the server first.`,
  );
}

async function openTier(tier: Tier, options: BackendOptions): Promise<HeldStore | undefined> {
  const { loaded } = options;
  const name = storeName(tier);
  const given = externalTarget(tier, loaded);
  if (given?.cluster) {
    throw new GaugewayError(
      'BAD_REQUEST',
      `victoria.${tier} is a cluster: take snapshots at each vmstorage with vmbackup (docs/operations/scale-out.md).`,
    );
  }
  if (given) return { name, target: given, storageDir: undefined };
  const dir = join(resolve(loaded.config.dataDir), name);
  const storageDir = victoriaStorage(dir);
  if (!existsSync(storageDir)) return undefined;
  const target = runningVictoria(dir) ?? (await victoriaTarget(tier, options));
  return { name, target, storageDir };
}

/** They answer to what the raw tier answers to. */
function shardsOf({ config }: LoadedConfig, raw: HeldStore | undefined): HeldStore[] {
  const urls = new Set(Object.values(config.forward.shards).map((url) => url.replace(/\/+$/, '')));
  return [...urls].map((baseUrl, index) => ({
    name: `${storeName('raw')}-shard-${index + 1}`,
    target: { ...raw?.target, baseUrl },
    storageDir: undefined,
  }));
}
