import { messageOf, sleep, type Logger } from '../platform/index.ts';

/** What was started, in order; stopping undoes it in reverse, so that nothing loses what it stands on. */
export interface Lifecycle {
  /** Notes how to stop what has just been started. */
  onStop(name: string, stop: () => Promise<void>, withinMs?: number): void;
  /** Stops everything, last first; one that fails or is late is logged and does not hold up the rest. */
  stop(): Promise<void>;
}

interface Cleanup {
  name: string;
  stop: () => Promise<void>;
  withinMs: number;
}

const defaultDeadlineMs = 10_000;

export function createLifecycle(log: Logger): Lifecycle {
  const cleanups: Cleanup[] = [];
  let stopped: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) {
      await stopOne(cleanup, log);
    }
  }

  return {
    onStop: (name, stop, withinMs = defaultDeadlineMs) => {
      cleanups.push({ name, stop, withinMs });
    },
    stop: () => (stopped ??= stopAll()),
  };
}

async function stopOne(cleanup: Cleanup, log: Logger): Promise<void> {
  const done = new AbortController();
  const outcome = await Promise.race([
    cleanup.stop().then(() => 'stopped' as const, messageOf),
    sleep(cleanup.withinMs, done.signal).then(() => 'its deadline passed'),
  ]);
  done.abort();
  if (outcome === 'stopped') log.debug('stopped', { part: cleanup.name });
  else log.error('a part did not stop cleanly', { part: cleanup.name, reason: outcome });
}
