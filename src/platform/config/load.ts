import { readFileSync } from 'node:fs';
import { GaugewayError, messageOf } from '../errors.ts';
import { parseYaml, type ParsedYaml } from '../yaml.ts';
import { readEnvironment } from './env.ts';
import { configKeys, environmentPrefix, toSnakeCase, type ConfigKey } from './keys.ts';
import { configSchema, type RawConfig } from './schema.ts';
import { secretsOf, type Secrets, type Tier } from './secrets.ts';

type PublicReports = Omit<RawConfig['reports'], 's3'> & {
  s3: Omit<RawConfig['reports']['s3'], 'secretAccessKey'>;
};

interface VictoriaConfig {
  url?: string | undefined;
  username?: string | undefined;
  cluster: RawConfig['victoria'][Tier]['cluster'];
}

/** Everything that may be printed. Durations are milliseconds, sizes are bytes. */
export interface Config extends Omit<
  RawConfig,
  'signingKey' | 'database' | 'admin' | 'smtp' | 'victoria' | 'reports'
> {
  database: { poolSize: number };
  admin: { email: string };
  smtp: { from: string };
  reports: PublicReports;
  victoria: Readonly<Record<Tier, VictoriaConfig>>;
}

export interface LoadedConfig {
  config: Readonly<Config>;
  secrets: Secrets;
  /** The keys that were given, as `ingest.max_decoded_bytes`, with the place that gave each. */
  given: ReadonlyMap<string, string>;
}

export interface ConfigSources {
  /** YAML file; `GAUGEWAY_CONFIG` when absent. */
  file?: string;
  environment?: Readonly<Record<string, string | undefined>>;
}

/** Not keys: the first names the file, the next are of commands that talk to a server, the last the agent's own. */
const otherVariables = /^GAUGEWAY_(CONFIG$|URL$|KEY$|KEY_FILE$|CA_FILE$|AGENT_)/;

/** One tree of values as the schema wants it, where each came from, and what was wrong on the way. */
interface Gathered {
  values: Tree;
  given: Map<string, string>;
  problems: string[];
}

interface Tree {
  [name: string]: unknown;
}

/**
 * The file, then the environment over it, then defaults. BAD_REQUEST lists everything that is wrong,
 * one per line, each with `FILE:LINE:COLUMN` or the variable's name.
 */
export function loadConfig(sources: ConfigSources = {}): LoadedConfig {
  const environment = sources.environment ?? readEnvironment();
  const gathered: Gathered = { values: {}, given: new Map(), problems: [] };
  const file = sources.file ?? environment['GAUGEWAY_CONFIG'];
  if (file !== undefined) gatherFile(file, gathered);
  gatherEnvironment(environment, gathered);
  const parsed = configSchema.safeParse(gathered.values);
  for (const issue of parsed.error?.issues ?? []) {
    const name = issue.path.map((part) => toSnakeCase(String(part))).join('.');
    gathered.problems.push(`${placeOf(name, gathered.given)}: ${issue.message}`);
  }
  if (parsed.data) gathered.problems.push(...crossChecks(parsed.data, gathered.given));
  if (gathered.problems.length > 0 || !parsed.data) {
    throw new GaugewayError('BAD_REQUEST', gathered.problems.join('\n'), {
      details: { problems: gathered.problems },
    });
  }
  const raw = parsed.data;
  return { config: deepFreeze(publicPart(raw)), secrets: secretsOf(raw), given: gathered.given };
}

function gatherFile(file: string, gathered: Gathered): void {
  const yaml = parseYaml(readText(file), file);
  if (yaml.value === undefined || yaml.value === null) return;
  if (!isTree(yaml.value)) {
    gathered.problems.push(`${file}:1:1: expected keys with values`);
    return;
  }
  gatherTree(yaml.value, [], { file, yaml, gathered });
}

interface FileWalk {
  file: string;
  yaml: ParsedYaml;
  gathered: Gathered;
}

function gatherTree(tree: Tree, path: readonly string[], walk: FileWalk): void {
  for (const [name, value] of Object.entries(tree)) {
    const filePath = [...path, name];
    const dotted = filePath.join('.');
    const at = walk.yaml.positionOf(filePath);
    const place = `${walk.file}:${at?.line ?? 1}:${at?.column ?? 1}`;
    const key = configKeys.find((known) => known.filePath.join('.') === dotted);
    const isGroup = configKeys.some((known) => known.filePath.join('.').startsWith(`${dotted}.`));
    if (key) {
      walk.gathered.given.set(dotted, place);
      setValue(walk.gathered.values, key, value);
    } else if (!isGroup) {
      walk.gathered.problems.push(`${place}: unknown key ${dotted}${suggestion(dotted)}`);
    } else if (isTree(value)) {
      gatherTree(value, filePath, walk);
    } else if (value !== null) {
      walk.gathered.problems.push(`${place}: ${dotted} holds keys, not a value`);
    }
  }
}

function gatherEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  gathered: Gathered,
): void {
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(environmentPrefix) || otherVariables.test(variable)) continue;
    const key = configKeys.find((known) => known.variable === variable);
    if (!key) {
      gathered.problems.push(`${variable}: unknown variable of this product`);
    } else if (value !== undefined && value !== '') {
      gathered.given.set(key.filePath.join('.'), variable);
      setValue(gathered.values, key, value);
    }
  }
}

function setValue(values: Tree, key: ConfigKey, value: unknown): void {
  let at = values;
  for (const name of key.path.slice(0, -1)) at = (at[name] ??= {}) as Tree;
  at[key.path.at(-1)!] = value;
}

/** The same key in another spelling, or at another place. */
function suggestion(dotted: string): string {
  const squeeze = (name: string): string => name.replaceAll('_', '').toLowerCase();
  const last = squeeze(dotted.split('.').at(-1)!);
  const near = configKeys.find(({ filePath }) => squeeze(filePath.at(-1)!) === last);
  return near ? `; is ${near.filePath.join('.')} meant?` : '';
}

function placeOf(name: string, given: ReadonlyMap<string, string>): string {
  const parts = name.split('.');
  for (let length = parts.length; length > 0; length--) {
    const place = given.get(parts.slice(0, length).join('.'));
    if (place) return place.startsWith(environmentPrefix) ? place : `${place}: ${name}`;
  }
  return name;
}

const day = 86_400_000;

function crossChecks(raw: RawConfig, given: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const refuse = (name: string, message: string): void =>
    void problems.push(`${placeOf(name, given)}: ${message}`);
  const within = (name: string, value: number, days: readonly [number, number]): void => {
    if (value < days[0] * day || value > days[1] * day) {
      refuse(name, `expected ${days[0]}d to ${days[1]}d`);
    }
  };
  within('audit.retention', raw.audit.retention, [1, 3_650]);
  within('purge.alerts', raw.purge.alerts, [7, 400]);
  within('purge.ended', raw.purge.ended, [1, 400]);
  within('purge.usage', raw.purge.usage, [32, 1_000]);
  within('retention.raw', raw.retention.raw, [3, 14]);
  within('retention.1m', raw.retention['1m'], [3, 30]);
  within('retention.5m', raw.retention['5m'], [30, 90]);
  // An hour must be in a tier before its raw samples are gone, and each tier go further back than the one before.
  if (problems.length === 0 && raw.retention['1m'] <= raw.retention.raw) {
    refuse('retention.1m', 'expected more than retention.raw');
  }
  if (problems.length === 0 && raw.retention['5m'] <= raw.retention['1m']) {
    refuse('retention.5m', 'expected more than retention.1m');
  }
  refuseHalfClusters(raw, refuse);
  if ((raw.tls.cert === undefined) !== (raw.tls.key === undefined)) {
    refuse(
      raw.tls.cert === undefined ? 'tls.key' : 'tls.cert',
      'tls.cert and tls.key need each other',
    );
  }
  if (!/^(\[[0-9a-f:.]+\]|[^:]*):\d{1,5}$/i.test(raw.listen)) {
    refuse('listen', 'expected ADDRESS:PORT');
  }
  return problems;
}

function refuseHalfClusters(
  { victoria, forward }: RawConfig,
  refuse: (name: string, message: string) => void,
): void {
  for (const name of ['raw', '1m', '5m'] as const) {
    const { url, cluster } = victoria[name];
    const key = `victoria.${name}.cluster`;
    const { insertUrl, selectUrl } = cluster;
    if (insertUrl !== undefined && selectUrl === undefined) {
      refuse(`${key}.insert_url`, `needs ${key}.select_url`);
    }
    if (selectUrl !== undefined && insertUrl === undefined) {
      refuse(`${key}.select_url`, `needs ${key}.insert_url`);
    }
    if (insertUrl !== undefined && url !== undefined) {
      refuse(`victoria.${name}.url`, `expected this or ${key}, not both`);
    }
  }
  if (victoria.raw.cluster.insertUrl !== undefined && Object.keys(forward.shards).length > 0) {
    refuse('forward.shards', 'a cluster spreads its samples itself');
  }
}

function publicPart(raw: RawConfig): Config {
  const tier = ({ url, username, cluster }: VictoriaConfig): VictoriaConfig => ({
    ...{ url, username, cluster },
  });
  const rest: Omit<RawConfig, 'signingKey'> & Partial<RawConfig> = { ...raw };
  delete rest.signingKey;
  return {
    ...rest,
    database: { poolSize: raw.database.poolSize },
    admin: { email: raw.admin.email },
    smtp: { from: raw.smtp.from },
    reports: publicReports(raw),
    victoria: {
      raw: tier(raw.victoria.raw),
      '1m': tier(raw.victoria['1m']),
      '5m': tier(raw.victoria['5m']),
    },
  };
}

function publicReports({ reports }: RawConfig): PublicReports {
  const { endpoint, bucket, region, accessKeyId } = reports.s3;
  return { ...reports, s3: { endpoint, bucket, region, accessKeyId } };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', `${file}: cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value) as unknown[]) {
    if (typeof part === 'object' && part !== null) deepFreeze(part);
  }
  return Object.freeze(value);
}
