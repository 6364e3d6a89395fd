import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseListen, readLocalKeys } from '../app/index.ts';
import {
  clientSettings,
  loadConfig,
  messageOf,
  parseDuration,
  type ClientSettings,
  type LoadedConfig,
} from '../platform/index.ts';
import { wrongUse } from './exit.ts';
import type { Logins } from './logins.ts';

export interface ConnectionOptions {
  url?: string;
  key?: string;
  keyFile?: string;
  ca?: string;
  timeout: string;
  config?: string;
}

export type Credential =
  | { kind: 'key'; key: string }
  /** By what `gaugeway login` has left for this address. */
  | { kind: 'login' }
  | { kind: 'none' };

export interface Connection {
  url: string;
  credential: Credential;
  ca: string | undefined;
  timeoutMs: number;
}

/** The server of this machine, as its configuration and what its start has left in the data directory tell. */
export interface LocalServer {
  url: string;
  readKey: string | undefined;
  /** Its own certificate, which it may have signed itself. */
  caFile: string | undefined;
}

/**
 * Which server is asked, and as whom. Said on the command line, then in the environment, then by `gaugeway login`, then
 * the server of this machine with the read key that its start left there. A login and that key go only to the server
 * that they are of.
 */
export function connectionOf(options: ConnectionOptions, logins: Logins): Connection {
  const settings = clientSettings();
  const given = options.url ?? settings.url;
  const key = keyOf(options, settings);
  // A configuration that is wrong is in nobody's way who names a server.
  const local = given === undefined || key === undefined ? localServer(options, given) : undefined;
  const url = trimmed(firstOf(given, logins.current(), local?.url) ?? '');
  const login = logins.of(url);
  const isLocal = local !== undefined && trimmed(local.url) === url;
  const here = isLocal ? local : undefined;
  const caFile = firstOf(options.ca, settings.caFile, login?.caFile, here?.caFile);
  return {
    url,
    credential: credentialOf(key, login !== undefined, here?.readKey),
    ca: caFile === undefined ? undefined : textOf(caFile),
    timeoutMs: timeoutOf(options.timeout),
  };
}

const firstOf = (...texts: readonly (string | undefined)[]): string | undefined =>
  texts.find((text) => text !== undefined);

function credentialOf(
  key: string | undefined,
  hasLogin: boolean,
  localKey: string | undefined,
): Credential {
  if (key !== undefined) return { kind: 'key', key };
  if (hasLogin) return { kind: 'login' };
  return localKey === undefined ? { kind: 'none' } : { kind: 'key', key: localKey };
}

function keyOf(options: ConnectionOptions, settings: ClientSettings): string | undefined {
  if (options.key !== undefined) return options.key;
  if (options.keyFile !== undefined) return textOf(options.keyFile).trim();
  if (settings.key !== undefined) return settings.key;
  return settings.keyFile === undefined ? undefined : textOf(settings.keyFile).trim();
}

/** Undefined where another server is named and the configuration of this machine's cannot be read. */
function localServer(
  { config }: ConnectionOptions,
  named: string | undefined,
): LocalServer | undefined {
  try {
    return localServerOf(loadConfig(config === undefined ? {} : { file: config }));
  } catch (error) {
    if (named !== undefined) return undefined;
    throw error;
  }
}

export function localServerOf({ config }: LoadedConfig): LocalServer {
  const keys = readLocalKeys(config.dataDir);
  const { host, port } = parseListen(config.listen);
  const isTls = config.tls.cert !== undefined;
  const isEvery = host === '' || host === '0.0.0.0' || host === '::';
  const name = isEvery ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return {
    url: keys?.url ?? `${isTls ? 'https' : 'http'}://${name}:${String(port)}`,
    readKey: keys?.read,
    caFile: isTls ? resolve(config.tls.cert!) : undefined,
  };
}

export const trimmed = (url: string): string => url.replace(/\/+$/, '');

export function timeoutOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) {
    throw wrongUse(`--timeout: expected a duration such as 30s or 2m, not "${text}"`);
  }
  return ms;
}

export function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw wrongUse(`${file}: ${messageOf(error)}`);
  }
}
