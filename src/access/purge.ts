import { messageOf, type Clock, type Logger, type Meters } from '../platform/index.ts';

type Remove = (beforeMs: number, limit: number) => Promise<number>;

/** Each call removes at most `limit` rows, the oldest ones, and says how many. */
export interface PurgeStore {
  auditRows: Remove;
  /** That ended by themselves before, with their tokens. */
  sessions: Remove;
  passwordResets: Remove;
}

interface Deps {
  store: PurgeStore;
  /** Whether this process is the one of all replicas that does it. */
  isMine: () => Promise<boolean>;
  /** How long audit rows are kept. */
  auditRetentionMs: number;
  everyMs: number;
  clock: Clock;
  meters: Meters;
  log: Logger;
}

export interface Purge {
  start(): void;
  stop(): Promise<void>;
}

/** A purge that waited for long must not hold up writers of new rows. */
const batch = 5_000;
/** A session that ended is told apart from one that never was for as long as its last access token might be sent. */
const sessionRestMs = 86_400_000;

/** Removes what has been kept for long enough (PRP §12.4), a batch after the other. */
export function createPurge(deps: Deps): Purge {
  const { store, clock, meters, log } = deps;
  const removed = meters.counter({
    name: 'gaugeway_access_purged_total',
    help: 'Rows removed after their retention.',
    labelNames: ['kind'],
  });
  const kinds = {
    audit: { remove: store.auditRows, keptMs: deps.auditRetentionMs },
    session: { remove: store.sessions, keptMs: sessionRestMs },
    password_reset: { remove: store.passwordResets, keptMs: 0 },
  };
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;
  let working: Promise<void> = Promise.resolve();

  async function purge(): Promise<void> {
    try {
      if (!(await deps.isMine())) return;
      const nowMs = clock.nowMs();
      for (const [kind, { remove, keptMs }] of Object.entries(kinds)) {
        let rows: number;
        do {
          rows = await remove(nowMs - keptMs, batch);
          removed.inc({ kind }, rows);
        } while (rows === batch && !isStopping);
      }
    } catch (error) {
      log.warn('old rows not removed, will be tried again', { error: messageOf(error) });
    }
  }

  function next(waitMs: number): void {
    timer = setTimeout(() => {
      working = purge().finally(() => {
        if (!isStopping) next(deps.everyMs);
      });
    }, waitMs).unref();
  }

  return {
    start: () => next(0),
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      await working;
    },
  };
}
