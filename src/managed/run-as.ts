import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { GaugewayError } from '../platform/index.ts';

/** Postgres refuses to run as root, so root hands it to somebody else. */
export interface RunAs {
  uid: number;
  gid: number;
  /** Words for setpriv; empty when we are not root and nothing changes. */
  privileges: readonly string[];
}

const nobody = 65534;
/** capabilities(7): either lets a process search directories that its user may not. */
const searchCapabilities = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
] as const;

/**
 * Decides which user a server on `directory` runs as: ourselves; or, when we are root, the
 * directory's present owner, `postgres`, or nobody. `paths` are what it must be able to reach;
 * below a closed directory such as /root it gets the capability to search, where we hold one.
 */
export function chooseRunAs(directory: string, paths: readonly string[]): RunAs {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) return { uid, gid, privileges: [] };
  const account = ownerOf(directory) ?? accountOf('postgres') ?? { uid: nobody, gid: nobody };
  const closed = paths.map((path) => closedAncestor(path, account)).find(Boolean);
  return {
    ...account,
    privileges: [
      '--reuid',
      String(account.uid),
      '--regid',
      String(account.gid),
      '--clear-groups',
      ...(closed === undefined ? [] : searchWords(closed, account.uid)),
    ],
  };
}

function ownerOf(directory: string): { uid: number; gid: number } | undefined {
  try {
    const { uid, gid } = statSync(directory);
    return uid === 0 ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

function accountOf(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

/** The nearest directory above `path` that the account may not search. */
function closedAncestor(path: string, account: { uid: number; gid: number }): string | undefined {
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) {
    const { uid, gid, mode } = statSync(at);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return at;
  }
  return undefined;
}

/** Whether every user may pass through all directories above `path`. */
export function isOpenToAll(path: string): boolean {
  return closedAncestor(path, { uid: nobody, gid: nobody }) === undefined;
}

function searchWords(closed: string, uid: number): string[] {
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(ownStatus())?.[1] ?? '0'}`);
  const capability = searchCapabilities.find(({ bit }) => (held >> bit) & 1n);
  if (capability) {
    return ['--inh-caps', `+${capability.name}`, '--ambient-caps', `+${capability.name}`];
  }
  throw new GaugewayError(
    'UNAVAILABLE',
    `Postgres does not run as root, and user id ${uid} cannot pass through ${closed}. ` +
      'Set GAUGEWAY_DATA_DIR to a directory that it can reach (for example /var/lib/gaugeway), ' +
      'or bring a Postgres with GAUGEWAY_DATABASE_URL.',
    { details: { closed, uid } },
  );
}

function ownStatus(): string {
  return readFileSync('/proc/self/status', 'utf8');
}
