import { join } from 'node:path';
import { profiles, type Profile } from '../collect/node/metric.ts';
import { readTrimmed, tryReplaceFile } from '../identity.ts';

/**
 * What the server may set; nothing here can run a command or open a path. What is absent is left to the agent's own
 * options.
 */
export interface RemoteConfig {
  version: number | string;
  intervalSeconds?: number;
  topN?: number;
  maskProcessNames?: boolean;
  profile?: Profile;
  /** Names this version does not know are nothing to switch off. */
  collectorsOff?: readonly string[];
  gpu?: boolean;
}

export type ParsedRemoteConfig =
  { ok: true; config: RemoteConfig } | { ok: false; reason: RemoteConfigRefusal };

export type RemoteConfigRefusal =
  | 'not-an-object'
  | 'version'
  | 'interval_seconds outside 1 to 300'
  | 'top_n outside 0 to 100'
  | 'mask_process_names'
  | 'profile is none of lean, core, full'
  | 'collectors_off is no list of names'
  | 'gpu';

interface Field {
  key: Exclude<keyof RemoteConfig, 'version'>;
  isGood: (value: unknown) => boolean;
  refusal: RemoteConfigRefusal;
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean';

/** By the name in JSON; the bounds hold whatever the server says. */
const fields: Readonly<Record<string, Field>> = {
  interval_seconds: {
    key: 'intervalSeconds',
    isGood: (value) => isWhole(value, 1, 300),
    refusal: 'interval_seconds outside 1 to 300',
  },
  top_n: {
    key: 'topN',
    isGood: (value) => isWhole(value, 0, 100),
    refusal: 'top_n outside 0 to 100',
  },
  mask_process_names: { key: 'maskProcessNames', isGood: isBoolean, refusal: 'mask_process_names' },
  profile: {
    key: 'profile',
    isGood: (value) => profiles.some((profile) => profile === value),
    refusal: 'profile is none of lean, core, full',
  },
  collectors_off: {
    key: 'collectorsOff',
    isGood: isListOfNames,
    refusal: 'collectors_off is no list of names',
  },
  gpu: { key: 'gpu', isGood: isBoolean, refusal: 'gpu' },
};

/** Judges what the server answered, or the kept file. Fields of a newer server are ignored. */
export function parseRemoteConfig(value: unknown): ParsedRemoteConfig {
  if (typeof value !== 'object' || value === null) return { ok: false, reason: 'not-an-object' };
  const given = value as Record<string, unknown>;
  const version = given['version'];
  if (!isVersion(version)) return { ok: false, reason: 'version' };
  const config: Record<string, unknown> = { version };
  for (const [name, { key, isGood, refusal }] of Object.entries(fields)) {
    const set = given[name];
    if (set === undefined || set === null) continue;
    if (!isGood(set)) return { ok: false, reason: refusal };
    config[key] = set;
  }
  return { ok: true, config: config as unknown as RemoteConfig };
}

function isVersion(value: unknown): value is number | string {
  return typeof value === 'string' ? /^[\w.-]{1,64}$/.test(value) : Number.isFinite(value);
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isListOfNames(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= 64 &&
    value.every((name) => typeof name === 'string' && name.length <= 40)
  );
}

const fileName = 'remote-config.json';

/** The last good one, so that an agent starts as it ran when the server is away. */
export function loadRemoteConfig(stateDir: string): RemoteConfig | undefined {
  const text = readTrimmed(join(stateDir, fileName));
  if (text === undefined) return undefined;
  try {
    const parsed = parseRemoteConfig(JSON.parse(text));
    return parsed.ok ? parsed.config : undefined;
  } catch {
    return undefined;
  }
}

export function saveRemoteConfig(stateDir: string, config: RemoteConfig): boolean {
  const kept: Record<string, unknown> = { version: config.version };
  for (const [name, { key }] of Object.entries(fields)) kept[name] = config[key];
  return tryReplaceFile(join(stateDir, fileName), `${JSON.stringify(kept)}\n`);
}
