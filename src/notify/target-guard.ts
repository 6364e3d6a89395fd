import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

export type TargetRefusal = 'scheme' | 'private-address' | 'unresolvable';

/** One address to connect to, and to no other: a name that answers differently next time changes nothing. */
export type TargetVerdict =
  | { ok: true; url: URL; address: string; family: 4 | 6 }
  | { ok: false; reason: TargetRefusal; message: string };

export type Resolve = (host: string) => Promise<readonly string[]>;

const resolveAll: Resolve = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** What is not the public internet: IANA's special-purpose registries; metadata services are within. */
const special4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24'],
  ...['192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
];
/** Outside 2000::/3 nothing is global but the two prefixes that embed IPv4, which are judged by it. */
const special6 = ['2001::/23', '2001:db8::/32', '2620:4f:8000::/48', '3fff::/20'];

const blocked = new BlockList();
for (const range of [...special4, ...special6]) {
  const [network = '', bits] = range.split('/');
  blocked.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
}
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** Whether an address is one that anybody on the internet has. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !blocked.check(address, 'ipv4');
  if (family !== 6) return false;
  const groups = groupsOf(address);
  const inner = embeddedIpv4(groups);
  if (inner !== undefined) return isPublicAddress(inner);
  const plain = groups.map((group) => group.toString(16)).join(':');
  return global6.check(plain, 'ipv6') && !blocked.check(plain, 'ipv6');
}

/** The eight groups of an IPv6 address; its zone is left out. */
function groupsOf(address: string): number[] {
  const bare = address.replace(/%.*$/, '').replace(/\d+\.\d+\.\d+\.\d+$/, (quad) => {
    const [a = 0, b = 0, c = 0, d = 0] = quad.split('.').map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = bare.split('::');
  const parse = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
  const [before, after] = [parse(head), parse(tail ?? '')];
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<number>(gap).fill(0), ...after];
}

/** Of IPv4-mapped and -compatible addresses, NAT64 and 6to4: what a packet would reach in the end. */
function embeddedIpv4(groups: readonly number[]): string | undefined {
  const quad = (high = 0, low = 0) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const isZero = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  const isMapped = isZero(0, 5) && (groups[5] === 0xffff || groups[5] === 0);
  const isTranslated = isZero(0, 4) && groups[4] === 0xffff && groups[5] === 0;
  const isNat64 = groups[0] === 0x64 && groups[1] === 0xff9b && isZero(2, 6);
  if (isMapped || isTranslated || isNat64) return quad(groups[6], groups[7]);
  return groups[0] === 0x2002 ? quad(groups[1], groups[2]) : undefined;
}

export interface GuardTerms {
  allowPrivate: boolean;
  resolve?: Resolve;
}

/** Looks a target up once and says where to connect. One private address among several refuses them all. */
export async function guardTarget(target: string, terms: GuardTerms): Promise<TargetVerdict> {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    return refuse('scheme', 'only http and https are allowed');
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = await addressesOf(host, terms.resolve ?? resolveAll);
  const [address] = addresses;
  if (address === undefined) return refuse('unresolvable', `${host} has no address`);
  if (!terms.allowPrivate && !addresses.every(isPublicAddress)) {
    return refuse(
      'private-address',
      `${host} is no public address; allow_private_webhooks would let messages go there`,
    );
  }
  return { ok: true, url, address, family: isIP(address) === 6 ? 6 : 4 };
}

async function addressesOf(host: string, resolve: Resolve): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    return await resolve(host);
  } catch {
    return [];
  }
}

function refuse(reason: TargetRefusal, message: string): TargetVerdict {
  return { ok: false, reason, message };
}
