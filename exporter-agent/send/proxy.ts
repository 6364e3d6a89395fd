import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../listen/address.ts';

export const isTls = (url: URL) => url.protocol === 'https:';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for an address, in the way of curl(1) and of Go: NO_PROXY has
 * names (and what is below them), addresses, networks such as 10.0.0.0/8, each with or without a port, or `*`. This very
 * machine is never reached by a proxy. Throws an Error that names the variable, never its value.
 */
export function proxyFromEnvironment(env: Environment, url: URL): URL | undefined {
  const name = isTls(url) ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = env[name] ?? env[name.toLowerCase()] ?? '';
  if (text === '' || isLoopback(hostOf(url))) return undefined;
  const except = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(',').map((one) => one.trim());
  if (except.some((entry) => entry !== '' && covers(entry, url))) return undefined;
  try {
    return parseProxy(text);
  } catch (error) {
    throw new Error(`${name} ${error instanceof Error ? error.message : ''}`, { cause: error });
  }
}

/** Without a scheme it is http. Throws an Error that says what is wanted. */
export function parseProxy(text: string): URL {
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new Error('wants the address of an HTTP proxy such as http://proxy.example:3128');
}

/** The header by which the proxy knows the agent; empty without a user in its address. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const credential = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credential).toString('base64')}` };
}

/** Without the brackets of an IPv6 address. */
export const hostOf = (url: URL) => url.hostname.replace(/^\[(.*)\]$/, '$1');

function covers(entry: string, url: URL): boolean {
  const network = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(entry);
  if (network) return isWithin(network[1]!, Number(network[2]), hostOf(url));
  const [, name = '', port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
  if (port !== undefined && port !== portOf(url)) return false;
  const bare = name.replace(/^\*?\./, '');
  return (
    name === '*' || url.hostname === bare || (bare !== '' && url.hostname.endsWith(`.${bare}`))
  );
}

function isWithin(network: string, prefix: number, host: string): boolean {
  const family = isIP(network);
  if (family === 0 || family !== isIP(host) || prefix > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, prefix, type);
  return list.check(host, type);
}

const portOf = (url: URL) => url.port || (isTls(url) ? '443' : '80');
