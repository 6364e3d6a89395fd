import { messageOf, sleep, type Logger } from '../platform/index.ts';

/** A host as clients are told of it. */
export interface LiveHost {
  id: string;
  /** As in a list of the API: status with its reason, when it was last heard. */
  status: Readonly<Record<string, unknown>>;
  /** The newest figures, in the names of the API's summary. */
  figures: Readonly<Record<string, number | null>>;
}

/** Port: the tenant's hosts with their newest figures, by one question however many; without ids all of them. */
export type LiveHosts = (tenantId: string, ids?: readonly string[]) => Promise<LiveHost[]>;

export interface SweepTarget {
  /** Tenants with somebody who listens, and for which hosts; undefined: for all. */
  wanted(): ReadonlyMap<string, ReadonlySet<string> | undefined>;
  status(tenantId: string, host: LiveHost): void;
  figures(
    tenantId: string,
    seen: { changed: readonly LiveHost[]; all: readonly LiveHost[]; atMs: number },
  ): void;
}

interface Known {
  status: string;
  figures: string;
}

/** Looks at hosts for all clients at once while there are any, and tells what changed. */
export function createHostSweep(deps: {
  hosts: LiveHosts;
  target: SweepTarget;
  everyMs: number;
  nowMs: () => number;
  log: Logger;
}) {
  const { hosts, target, everyMs, nowMs, log } = deps;
  const known = new Map<string, Map<string, Known>>();
  const ending = new AbortController();
  let working: Promise<void> | undefined;

  function compare(tenantId: string, seen: readonly LiveHost[]): void {
    const before = known.get(tenantId);
    const now = new Map<string, Known>();
    const changed: LiveHost[] = [];
    for (const host of seen) {
      const is = { status: JSON.stringify(host.status), figures: JSON.stringify(host.figures) };
      const was = before?.get(host.id);
      now.set(host.id, is);
      if (was?.figures !== is.figures) changed.push(host);
      // The first look is what clients have read already; the next ones are news.
      if (was && was.status !== is.status) target.status(tenantId, host);
    }
    known.set(tenantId, now);
    target.figures(tenantId, { changed, all: seen, atMs: nowMs() });
  }

  async function sweep(): Promise<void> {
    const wanted = target.wanted();
    for (const tenantId of known.keys()) if (!wanted.has(tenantId)) known.delete(tenantId);
    for (const [tenantId, ids] of wanted) {
      try {
        compare(tenantId, await hosts(tenantId, ids && [...ids]));
      } catch (error) {
        log.warn('hosts not looked at, will be tried again', { error: messageOf(error) });
      }
    }
  }

  async function work(): Promise<void> {
    while (target.wanted().size > 0 && !ending.signal.aborted) {
      const startedMs = nowMs();
      await sweep();
      const restMs = Math.max(50, everyMs - (nowMs() - startedMs));
      await sleep(restMs, ending.signal).catch(() => undefined);
    }
    known.clear();
    working = undefined;
  }

  return {
    /** To be called when somebody may have begun to listen. */
    wake(): void {
      working ??= work();
    },
    async close(): Promise<void> {
      ending.abort();
      await working;
    },
  };
}
