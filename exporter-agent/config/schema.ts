import { switchableCollectors, type SwitchableCollector } from '../collect/registry.ts';
import { profiles, type Profile } from '../collect/node/metric.ts';
import { gpuModes, type GpuMode } from '../collect/gpu/tool.ts';
import { parseListenAddress, wantsAddress } from '../listen/address.ts';
import { hostIdPattern } from '../identity.ts';
import { logLevels, type LogLevel } from '../log.ts';
import { parseProxy } from '../send/proxy.ts';
import { remoteWriteModes, type RemoteWriteMode } from '../send/remote-write.ts';

/** The configuration cannot be used; the message names the option and says what it wants. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** One option: key in the YAML file; in the environment the same in capitals behind `GAUGEWAY_AGENT_`. */
export interface Option<T> {
  /** Undefined: there is none. */
  fallback: T;
  help: string;
  /** Text of the environment or scalar (or list) of the file; throws a plain Error that ends "wants …". */
  parse: (value: unknown) => T;
}

/** Every option with its default. */
export const options = {
  url: option<URL | undefined>(undefined, 'Address of the Gaugeway server, `https://…`.', toUrl),
  key: option<string | undefined>(
    undefined,
    'API key with the scope `write`; without it the one that `enroll` put into the state directory.',
    toText,
  ),
  key_file: option<string | undefined>(undefined, 'File that holds the key.', toText),
  host_id: option<string | undefined>(
    undefined,
    'Name of this host in `host_id`; without it one is derived from /etc/machine-id and kept.',
    toHostId,
  ),
  state_dir: option<string>(
    '/var/lib/gaugeway-agent',
    'Directory for the buffer, the host id, the key of an enrolment and the last configuration from the server.',
    toText,
  ),
  ca_file: option<string | undefined>(
    undefined,
    "PEM file of the server's own certificate authority.",
    toText,
  ),
  client_cert_file: option<string | undefined>(
    undefined,
    'PEM file of the certificate by which the agent shows who it is; with `client_key_file`.',
    toText,
  ),
  client_key_file: option<string | undefined>(
    undefined,
    'PEM file of the key of that certificate.',
    toText,
  ),
  tls_server_name: option<string | undefined>(
    undefined,
    "Name in the server's certificate, where it is not the one in `url`.",
    toText,
  ),
  proxy_url: option<URL | undefined>(
    undefined,
    'HTTP proxy on the way to the server; without it HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold.',
    (value) => parseProxy(toText(value)),
  ),
  remote_write: option<RemoteWriteMode>(
    'auto',
    'Version of remote write: 2.0, 1.0, or auto: 2.0, and 1.0 to a receiver that does not know it.',
    toRemoteWriteMode,
  ),
  max_series_per_request: option<number>(
    2000,
    'Series in one request; a tick that has more makes several.',
    toInteger(1, 10_000),
  ),
  insecure_http: option<boolean>(
    false,
    'Allow `http://` to another machine: key and figures then travel in the clear.',
    toBoolean,
  ),
  interval_seconds: option<number>(5, 'Seconds between ticks, 1 to 300.', toInteger(1, 300)),
  profile: option<Profile>(
    'core',
    'What to tell: `lean` the metrics below; `core` also the `node_*` names that node-mixin and the open rows of "Node Exporter Full" read; `full` all of them that can be read.',
    oneOf(profiles),
  ),
  collectors_off: option<readonly SwitchableCollector[]>(
    [],
    `Collectors not to run, of: ${switchableCollectors.join(', ')}.`,
    toCollectors,
  ),
  gpu: option<GpuMode>(
    'auto',
    'Run nvidia-smi for NVIDIA cards: `auto` where the driver is loaded, `on` wherever the tool is, `off` never.',
    oneOf(gpuModes),
  ),
  nvidia_smi: option<string | undefined>(
    undefined,
    'Path of nvidia-smi; without it the usual places are tried.',
    toText,
  ),
  collectors_on: option<readonly SwitchableCollector[]>(
    [],
    'Collectors to run beside those of the profile; `cgroup` (services and containers) runs only when named here.',
    toCollectors,
  ),
  textfile_dir: option<string | undefined>(
    undefined,
    'Directory whose `*.prom` files are told as well.',
    toText,
  ),
  network_filesystems: option<boolean>(false, 'Also watch NFS, CIFS and the like.', toBoolean),
  procfs: option<string>('/proc', 'Where the proc filesystem of the host is mounted.', toText),
  sysfs: option<string>('/sys', 'Where the sys filesystem of the host is mounted.', toText),
  rootfs: option<string>('/', "Where the host's root is mounted.", toText),
  spool_max_bytes: option<number>(
    8 * 1024 * 1024,
    'Bytes the buffer may hold before it gives up the oldest batches.',
    toInteger(64 * 1024, 1024 * 1024 * 1024),
  ),
  spool_max_seconds: option<number>(
    3600,
    'Age at which a buffered batch is given up (the server takes an hour back by default).',
    toInteger(60, 30 * 86_400),
  ),
  listen: option<string | undefined>(
    undefined,
    'Also answer scrapes at `http://ADDRESS/metrics`, such as `127.0.0.1:9100`; off without it.',
    toListen,
  ),
  remote_config: option<boolean>(
    true,
    'Take what the server sets: interval, profile, collectors off, top N, masks.',
    toBoolean,
  ),
  log_level: option<LogLevel>(
    'info',
    `Least level to log: ${logLevels.join(', ')}.`,
    oneOf(logLevels),
  ),
};

export type OptionName = keyof typeof options;

/** The values in force. */
export type AgentConfig = {
  readonly [K in OptionName]: (typeof options)[K] extends Option<infer T> ? T : never;
};

function option<T>(fallback: T, help: string, parse: (value: unknown) => T): Option<T> {
  return { fallback, help, parse };
}

function toText(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  if (typeof value === 'number') return String(value);
  throw new Error('wants text');
}

function toUrl(value: unknown): URL {
  const text = toText(value);
  if (!URL.canParse(text)) throw new Error('wants an address such as https://gaugeway.example');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('wants http or https');
  if (url.username !== '' || url.password !== '') throw new Error('wants no user or password');
  return url;
}

function toHostId(value: unknown): string {
  const text = toText(value);
  if (hostIdPattern.test(text)) return text;
  throw new Error('wants letters, digits, dots, dashes and underscores, at most 63');
}

function toBoolean(value: unknown): boolean {
  if (value === true || value === 'true' || value === 'on' || value === '1') return true;
  if (value === false || value === 'false' || value === 'off' || value === '0') return false;
  throw new Error('wants true or false');
}

function toInteger(least: number, most: number): (value: unknown) => number {
  return (value) => {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most)
      return number;
    throw new Error(`wants a whole number from ${least} to ${most}`);
  };
}

/** What node_exporter calls them. */
const aliases: Readonly<Record<string, SwitchableCollector>> = {
  meminfo: 'memory',
  diskstats: 'disk',
  netdev: 'network',
  sockstat: 'sockets',
  stat: 'kernel',
  time: 'uname',
};

function toCollectors(value: unknown): SwitchableCollector[] {
  const names = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value;
  if (!Array.isArray(names)) throw new Error('wants a list of collectors');
  return names.map((name: unknown) => {
    const known =
      switchableCollectors.find((collector) => collector === name) ??
      (typeof name === 'string' && Object.hasOwn(aliases, name) ? aliases[name] : undefined);
    if (known === undefined) throw new Error(`wants names of ${switchableCollectors.join(', ')}`);
    return known;
  });
}

function oneOf<T extends string>(words: readonly T[]): (value: unknown) => T {
  return (value) => {
    const word = words.find((known) => known === value);
    if (word === undefined) throw new Error(`wants one of ${words.join(', ')}`);
    return word;
  };
}

function toRemoteWriteMode(value: unknown): RemoteWriteMode {
  // YAML reads 2.0 as the number 2.
  return oneOf(remoteWriteModes)(typeof value === 'number' ? value.toFixed(1) : value);
}

function toListen(value: unknown): string {
  const text = toText(value);
  if (parseListenAddress(text) === undefined) throw new Error(wantsAddress);
  return text;
}
