import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { parseUrl } from './target.ts';

/** Addresses that are no public ones (IANA special-purpose registries), cloud metadata among them. */
const privateRanges: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

/** IPv6 ranges with an IPv4 address inside, and where in the 16 bytes it stands: mapped, NAT64, 6to4. */
const wrappers: readonly (readonly [string, number, number])[] = [
  ['::ffff:0:0', 96, 12],
  ['64:ff9b::', 96, 12],
  ['2002::', 16, 2],
];

const blocked = new BlockList();
for (const [address, prefix] of privateRanges) {
  blocked.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6');
}
const wrapping = wrappers.map(([address, prefix, at]) => {
  const range = new BlockList();
  range.addSubnet(address, prefix, 'ipv6');
  return { range, at };
});

/** The 16 bytes of an IPv6 address without a zone. */
function bytesOf(address: string): number[] {
  // URL writes any form as the shortest one, with a trailing IPv4 part as two groups.
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = host.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...(tail === undefined ? [] : zeros), ...right].flatMap((group) => {
    const word = Number.parseInt(group, 16);
    return [word >> 8, word & 0xff];
  });
}

/** Whether a packet to the address would stay within private networks, also where it is wrapped in another one. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  if (isIPv4(plain)) return blocked.check(plain, 'ipv4');
  const wrapper = wrapping.find(({ range }) => range.check(plain, 'ipv6'));
  if (!wrapper) return blocked.check(plain, 'ipv6');
  const inside = bytesOf(plain).slice(wrapper.at, wrapper.at + 4);
  return blocked.check(inside.join('.'), 'ipv4');
}

export interface PinnedTarget {
  url: URL;
  /** The only address that may be connected to. */
  address: string;
  family: 4 | 6;
}

export type GuardOutcome =
  | { ok: true; target: PinnedTarget }
  | { ok: false; reason: 'bad-url' | 'private' | 'unknown-host' };

export type Resolve = (host: string) => Promise<readonly { address: string; family: number }[]>;

const systemResolve: Resolve = (host) => lookup(host, { all: true });

/**
 * Where a URL really leads, asked once: what is connected to is the address that was looked at, so that a name that
 * changes its mind in between gains nothing. One private address among several refuses them all.
 */
export async function guardTarget(
  text: string,
  options: { allowPrivate: boolean; resolve?: Resolve },
): Promise<GuardOutcome> {
  const url = parseUrl(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return refuse('bad-url');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await addressesOf(host, options.resolve ?? systemResolve);
  const [first] = addresses;
  if (first === undefined) return refuse('unknown-host');
  if (!options.allowPrivate && addresses.some(({ address }) => isPrivateAddress(address))) {
    return refuse('private');
  }
  const target = { url, address: first.address, family: first.family === 6 ? 6 : 4 } as const;
  return { ok: true, target };
}

const refuse = (reason: 'bad-url' | 'private' | 'unknown-host') => ({ ok: false, reason }) as const;

async function addressesOf(host: string, resolve: Resolve) {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  try {
    return await resolve(host);
  } catch {
    return [];
  }
}
