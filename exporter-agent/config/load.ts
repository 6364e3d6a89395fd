import { readFileSync } from 'node:fs';
import { isLoopback } from '../listen/address.ts';
import { messageOf } from '../log.ts';
import type { Flags } from './flags.ts';
import { hostOf, proxyFromEnvironment } from '../send/proxy.ts';
import { ConfigError, options, type AgentConfig, type OptionName } from './schema.ts';

const prefix = 'GAUGEWAY_AGENT_';

export interface ConfigSources {
  env: Readonly<Record<string, string | undefined>>;
  /** From `--config`; else `GAUGEWAY_AGENT_CONFIG` names it, else there is none. */
  file: string | undefined;
  flags?: Flags;
}

/** File first, environment over it; throws ConfigError. */
export async function loadConfig(sources: ConfigSources): Promise<AgentConfig> {
  const file = sources.file ?? sources.env[`${prefix}CONFIG`];
  const values = new Map<OptionName, unknown>();
  if (file !== undefined) {
    for (const [key, value] of Object.entries(await readFile(file))) {
      values.set(asOption(key, file), parseOption(asOption(key, file), value, `${file}: ${key}`));
    }
  }
  for (const [name, value] of Object.entries(sources.env)) {
    if (!name.startsWith(prefix) || name === `${prefix}CONFIG` || value === undefined) continue;
    const key = asOption(name.slice(prefix.length).toLowerCase(), name);
    values.set(key, parseOption(key, value, name));
  }
  if (sources.flags) applyFlags(sources.flags, values);
  const entries = Object.entries(options).map(([key, { fallback }]) => {
    const given = values.get(key as OptionName);
    return [key, given === undefined ? fallback : given];
  });
  return complete(Object.fromEntries(entries) as AgentConfig, sources.env);
}

function applyFlags(flags: Flags, values: Map<OptionName, unknown>): void {
  for (const [key, value] of Object.entries(flags.values)) {
    values.set(key as OptionName, parseOption(key as OptionName, value, `--${key}`));
  }
  for (const [name, state] of flags.collectors) {
    const where = `--${state === 'on' ? '' : 'no-'}collector.${name}`;
    const [collector] = parseOption('collectors_on', name, where) as string[];
    for (const list of ['collectors_on', 'collectors_off'] as const) {
      const others = ((values.get(list) ?? []) as string[]).filter((other) => other !== collector);
      values.set(list, list === `collectors_${state}` ? [...others, collector] : others);
    }
  }
}

/** js-yaml is loaded only when there is a file: the memory budget. */
async function readFile(path: string): Promise<object> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${path}: ${messageOf(error)}`);
  }
  const { load } = await import('js-yaml');
  let document: unknown;
  try {
    document = load(text, { filename: path });
  } catch (error) {
    throw new ConfigError(messageOf(error));
  }
  if (document === undefined || document === null) return {};
  if (typeof document === 'object' && !Array.isArray(document)) return document;
  throw new ConfigError(`${path}: wants options as "name: value"`);
}

function asOption(key: string, where: string): OptionName {
  if (Object.hasOwn(options, key)) return key as OptionName;
  throw new ConfigError(`${where}: no such option "${key}"`);
}

function parseOption(key: OptionName, value: unknown, where: string): unknown {
  try {
    return options[key].parse(value);
  } catch (error) {
    throw new ConfigError(`${where}: ${messageOf(error)}`);
  }
}

/** What concerns several options at once. */
function complete(config: AgentConfig, env: ConfigSources['env']): AgentConfig {
  const { url } = config;
  if (url === undefined)
    throw new ConfigError(`${prefix}URL (url): the server's address is needed`);
  if (url.protocol === 'http:' && !isLoopback(hostOf(url)) && !config.insecure_http) {
    throw new ConfigError(
      `${prefix}URL (url): http:// to another machine would send the key in the clear; use https:// or set insecure_http`,
    );
  }
  if ((config.client_cert_file === undefined) !== (config.client_key_file === undefined)) {
    throw new ConfigError(
      `${prefix}CLIENT_CERT_FILE (client_cert_file): a certificate and its key go together`,
    );
  }
  return { ...config, key: readKey(config), proxy_url: config.proxy_url ?? toProxy(env, url) };
}

function readKey(config: AgentConfig): string | undefined {
  if (config.key !== undefined || config.key_file === undefined) return config.key;
  try {
    return options.key.parse(readFileSync(config.key_file, 'utf8'));
  } catch (error) {
    throw new ConfigError(`${prefix}KEY_FILE (key_file): ${messageOf(error)}`);
  }
}

function toProxy(env: ConfigSources['env'], url: URL): URL | undefined {
  try {
    return proxyFromEnvironment(env, url);
  } catch (error) {
    throw new ConfigError(messageOf(error));
  }
}

/** For `print-config`: one `name: value` a line, neither key nor password shown. */
export function printConfig(config: AgentConfig): string {
  const lines = Object.entries(config).map(([key, value]) => {
    if (value === undefined) return `# ${key}:`;
    if (key === 'key') return '# key: set, not shown';
    return `${key}: ${JSON.stringify(value instanceof URL ? withoutPassword(value) : value)}`;
  });
  return `${lines.join('\n')}\n`;
}

function withoutPassword(url: URL): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = 'not-shown';
  return shown.href;
}
