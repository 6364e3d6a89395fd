import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import type { Purged } from './counter.ts';
import { createTurns, type Turns } from './turns.ts';

/** What a database would keep for ever, under the names by which it is counted. */
export const rowKinds = [
  'audit',
  'session',
  'refresh_token',
  'password_reset',
  'alert',
  'repeated_message',
  'message_attempt',
  'api_key',
  'agent_token',
  'report_run',
  'refusal',
  'removed_host',
  'ha_leader',
  'usage_hour',
  'ruler',
] as const;

export type RowKind = (typeof rowKinds)[number];

/** Port. Each call removes at most `limit` rows that were over before then, the oldest ones first, and says how many. */
export type RowPurgeStore = Readonly<
  Record<RowKind, (beforeMs: number, limit: number) => Promise<number>>
>;

interface Deps {
  store: RowPurgeStore;
  /** Whether this process is the one of all replicas that does it. */
  isMine: () => Promise<boolean>;
  /** How long each is kept after it was over. */
  keptMs: Readonly<Record<RowKind, number>>;
  everyMs: number;
  clock: Clock;
  purged: Purged;
  log: Logger;
}

export type RowPurge = Turns;

/** A purge that waited for long must not hold up writers of new rows. */
const batch = 5_000;
/** With an alert goes all that was told of it. */
const batches: Readonly<Partial<Record<RowKind, number>>> = { alert: 200 };

/** Removes what has been kept for long enough (PRP §12.4, REQ-RETENTION-003), a batch after the other. */
export function createRowPurge(deps: Deps): RowPurge {
  const { store, keptMs, clock, purged, log } = deps;

  async function purge(kind: RowKind, isStopping: () => boolean): Promise<void> {
    const limit = batches[kind] ?? batch;
    const beforeMs = clock.nowMs() - keptMs[kind];
    let rows: number;
    do {
      rows = await store[kind](beforeMs, limit);
      purged(kind, rows);
    } while (rows === limit && !isStopping());
  }

  return createTurns(async (isStopping) => {
    try {
      if (!(await deps.isMine())) return;
    } catch (error) {
      log.warn('old rows not looked for, will be tried again', { error: messageOf(error) });
      return;
    }
    for (const kind of rowKinds) {
      // One that cannot be removed must not keep the others.
      await purge(kind, isStopping).catch((error: unknown) => {
        log.warn('old rows not removed, will be tried again', { kind, error: messageOf(error) });
      });
    }
  }, deps.everyMs);
}
