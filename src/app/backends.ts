import { join } from 'node:path';
import { startPostgres, startVictoria } from '../managed/index.ts';
import { GaugewayError, type LoadedConfig, type Logger, type Tier } from '../platform/index.ts';
import { tierFlags, type AggregateTier } from '../retention/index.ts';
import type { AccountOf, VictoriaCluster, VictoriaTarget } from '../storage/victoria/index.ts';
import type { Lifecycle } from './lifecycle.ts';

/** Where the two stores answer, whoever runs them. */
export interface Backends {
  databaseUrl: string;
  victoria: Readonly<Partial<Record<Tier, VictoriaTarget>>> & { raw: VictoriaTarget };
}

export interface BackendOptions {
  loaded: LoadedConfig;
  lifecycle: Lifecycle;
  log: Logger;
  /** Run what is not named. */
  managed: boolean;
}

/** A tier is written once an hour and must not take the memory that the raw one needs. */
const sparing = { 'memory.allowedPercent': '15' };

/** For processes that manage no stores. BAD_REQUEST names what is not given. */
export function requireStores({ config, secrets }: LoadedConfig): void {
  requireGiven('GAUGEWAY_DATABASE_URL', secrets.databaseUrl);
  const { url, cluster } = config.victoria.raw;
  requireGiven('GAUGEWAY_VICTORIA_RAW_URL', url ?? cluster.insertUrl);
}

/** What the configuration does not name is run as a managed child. Both start side by side; VictoriaMetrics stops before Postgres. */
export async function startBackends(options: BackendOptions): Promise<Backends> {
  const [database, raw, oneMinute, fiveMinutes] = await Promise.allSettled([
    databaseUrl(options),
    victoriaTarget('raw', options),
    aggregateTarget('1m', options),
    aggregateTarget('5m', options),
  ]);
  if (database.status === 'rejected') throw database.reason;
  if (raw.status === 'rejected') throw raw.reason;
  if (oneMinute.status === 'rejected') throw oneMinute.reason;
  if (fiveMinutes.status === 'rejected') throw fiveMinutes.reason;
  return {
    databaseUrl: database.value,
    victoria: {
      ...(oneMinute.value ? { '1m': oneMinute.value } : {}),
      ...(fiveMinutes.value ? { '5m': fiveMinutes.value } : {}),
      raw: raw.value,
    },
  };
}

/** Where nothing is managed, a tier that is not named is not there. */
async function aggregateTarget(
  tier: AggregateTier,
  options: BackendOptions,
): Promise<VictoriaTarget | undefined> {
  return options.managed ? victoriaTarget(tier, options) : externalTarget(tier, options.loaded);
}

/** Of the Postgres that is given, or else of one that runs here from now on. */
export async function databaseUrl({ loaded, lifecycle, log }: BackendOptions): Promise<string> {
  const given = loaded.secrets.databaseUrl;
  if (given !== undefined) return given;
  const dataDir = join(loaded.config.dataDir, 'postgres');
  const postgres = await startPostgres({ dataDir, log });
  lifecycle.onStop('managed Postgres', () => postgres.stop(), 30_000);
  return postgres.url;
}

/** The VictoriaMetrics that is given, or else one that runs here from now on. */
export async function victoriaTarget(tier: Tier, options: BackendOptions): Promise<VictoriaTarget> {
  const { loaded, lifecycle, log } = options;
  const given = externalTarget(tier, loaded);
  if (given) return given;
  const { dataDir, retention } = loaded.config;
  const victoria = await startVictoria({
    name: tier,
    dataDir: join(dataDir, `victoria-${tier}`),
    installDir: join(dataDir, 'bin'),
    retention: `${Math.ceil(retention[tier] / 86_400_000)}d`,
    ...(tier === 'raw' ? {} : { flags: { ...sparing, ...tierFlags(tier) } }),
    log,
  });
  lifecycle.onStop(`managed VictoriaMetrics (${tier})`, () => victoria.stop(), 40_000);
  return victoria.target;
}

/** The VictoriaMetrics of a tier that the configuration names. */
export function externalTarget(
  tier: Tier,
  { config, secrets }: LoadedConfig,
): VictoriaTarget | undefined {
  const { url, username, cluster: parts } = config.victoria[tier];
  const cluster = clusterOf(parts);
  const baseUrl = cluster?.selectUrl ?? url;
  if (baseUrl === undefined) return undefined;
  const { password, metricsAuthKey, forceFlushAuthKey, deleteAuthKey, snapshotAuthKey } =
    secrets.victoria[tier];
  return {
    baseUrl: trimmed(baseUrl),
    ...(cluster ? { cluster } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    authKeys: {
      ...(metricsAuthKey === undefined ? {} : { metrics: metricsAuthKey }),
      ...(forceFlushAuthKey === undefined ? {} : { forceFlush: forceFlushAuthKey }),
      ...(deleteAuthKey === undefined ? {} : { delete: deleteAuthKey }),
      ...(snapshotAuthKey === undefined ? {} : { snapshot: snapshotAuthKey }),
    },
  };
}

type ClusterConfig = LoadedConfig['config']['victoria'][Tier]['cluster'];

function clusterOf(parts: ClusterConfig): VictoriaCluster | undefined {
  const { insertUrl, selectUrl, insertNodes, storageNodes } = parts;
  if (insertUrl === undefined || selectUrl === undefined) return undefined;
  return {
    ...{ insertUrl: trimmed(insertUrl), selectUrl: trimmed(selectUrl) },
    ...{ insertNodes: insertNodes.map(trimmed), storageNodes: storageNodes.map(trimmed) },
  };
}

/** The same, with the accounts in which a cluster keeps the tenants. */
export function withAccounts(backends: Backends, accountOf: AccountOf): Backends {
  const { victoria } = backends;
  const of = (target: VictoriaTarget): VictoriaTarget =>
    target.cluster ? { ...target, cluster: { ...target.cluster, accountOf } } : target;
  const { '1m': oneMinute, '5m': fiveMinutes } = victoria;
  return {
    ...backends,
    victoria: {
      ...(oneMinute ? { '1m': of(oneMinute) } : {}),
      ...(fiveMinutes ? { '5m': of(fiveMinutes) } : {}),
      raw: of(victoria.raw),
    },
  };
}

const trimmed = (url: string): string => url.replace(/\/+$/, '');

function requireGiven(variable: string, value: string | undefined): void {
  if (value !== undefined) return;
  throw new GaugewayError(
    'BAD_REQUEST',
    `${variable} is not set. Set it, or use \`gaugeway up\` (npm start), which runs what is missing itself.`,
  );
}
