import { isDeepStrictEqual } from 'node:util';
import type { Host, HostFields } from './host.ts';
import type { ImportRow, RejectedRow } from './import-csv.ts';
import { maxTags } from './tags.ts';

export interface HostImport {
  rows: readonly ImportRow[];
  /** What was refused before anything was compared. */
  rejected: readonly RejectedRow[];
  /** Say what would change, and change nothing. */
  dryRun: boolean;
  /** What bad rows mean for the good ones. */
  onError: 'abort' | 'skip';
}

export interface PlannedChange {
  line: number;
  action: 'create' | 'change';
  before?: Host;
  after: Host;
}

export interface ImportPlan {
  changes: readonly PlannedChange[];
  unchanged: number;
  /** By line. */
  rejected: readonly RejectedRow[];
}

interface There {
  existing: ReadonlyMap<string, Host>;
  /** Hosts that the tenant may still add. */
  room: number;
  make: (fields: HostFields & { id?: string }) => Host;
}

/** What each row means for what is there, pure. A row's tags are added to the host's; nothing is taken away. */
export function planImport(wanted: HostImport, { existing, room, make }: There): ImportPlan {
  const changes: PlannedChange[] = [];
  const rejected: RejectedRow[] = [...wanted.rejected];
  const lineOf = new Map<string, number>();
  let [left, unchanged] = [room, 0];
  for (const row of wanted.rows) {
    const { line, hostname, ips = [], tags = {} } = row;
    const made = make({ hostname, ips, tags, ...(row.id === undefined ? {} : { id: row.id }) });
    const refuse = (reason: RejectedRow['reason'], message: string): void => {
      rejected.push({ line, reason, message });
    };
    const earlier = lineOf.get(made.id);
    if (earlier !== undefined) {
      refuse('duplicate_id', `is the host of line ${earlier} again`);
      continue;
    }
    lineOf.set(made.id, line);
    const before = existing.get(made.id);
    const after = before ? merged(before, row) : made;
    if (Object.keys(after.tags).length > maxTags) {
      refuse('bad_tag', `the host would have more than ${maxTags} tags`);
    } else if (before && isDeepStrictEqual(before, after)) {
      unchanged += 1;
    } else if (before) {
      changes.push({ line, action: 'change', before, after });
    } else if (left <= 0) {
      refuse('too_many_hosts', 'the tenant has as many hosts as it may');
    } else {
      left -= 1;
      changes.push({ line, action: 'create', after });
    }
  }
  return { changes, unchanged, rejected: rejected.sort((a, b) => a.line - b.line) };
}

function merged(before: Host, { hostname, ips, tags = {} }: ImportRow): Host {
  return { ...before, hostname, ips: ips ?? before.ips, tags: { ...before.tags, ...tags } };
}
