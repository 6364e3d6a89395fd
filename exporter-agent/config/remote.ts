import { join } from 'node:path';
import { readTrimmed, tryReplaceFile } from '../identity.ts';

/** What the server may set; nothing here can run a command or open a path. */
export interface RemoteConfig {
  version: number | string;
  intervalSeconds: number;
  topN: number;
  maskProcessNames: boolean;
}

export type ParsedRemoteConfig =
  { ok: true; config: RemoteConfig } | { ok: false; reason: RemoteConfigRefusal };

export type RemoteConfigRefusal =
  | 'not-an-object'
  | 'version'
  | 'interval_seconds outside 1 to 300'
  | 'top_n outside 0 to 100'
  | 'mask_process_names';

/** Judges the `config` of a heartbeat's answer, or the kept file. The bounds hold whatever the server says. */
export function parseRemoteConfig(value: unknown): ParsedRemoteConfig {
  if (typeof value !== 'object' || value === null) return { ok: false, reason: 'not-an-object' };
  const given = value as Record<string, unknown>;
  const version = given['version'];
  const intervalSeconds = given['interval_seconds'];
  const topN = given['top_n'] ?? 10;
  const maskProcessNames = given['mask_process_names'] ?? false;
  if (!isVersion(version)) return { ok: false, reason: 'version' };
  if (!isWhole(intervalSeconds, 1, 300)) {
    return { ok: false, reason: 'interval_seconds outside 1 to 300' };
  }
  if (!isWhole(topN, 0, 100)) return { ok: false, reason: 'top_n outside 0 to 100' };
  if (typeof maskProcessNames !== 'boolean') return { ok: false, reason: 'mask_process_names' };
  return { ok: true, config: { version, intervalSeconds, topN, maskProcessNames } };
}

function isVersion(value: unknown): value is number | string {
  return typeof value === 'string' ? value.length <= 64 : Number.isFinite(value);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
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
  const text = JSON.stringify({
    version: config.version,
    interval_seconds: config.intervalSeconds,
    top_n: config.topN,
    mask_process_names: config.maskProcessNames,
  });
  return tryReplaceFile(join(stateDir, fileName), `${text}\n`);
}
