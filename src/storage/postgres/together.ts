import { sleep } from '../../platform/index.ts';
import { ofTenant } from './scope.ts';
import { isConnectionFailure } from './unavailable.ts';

/** Nobody looks at a heartbeat within a tenth of a second; 5,000 hosts send 17 in it. */
const everyMs = 100;
/** Of at most 16 KiB each. */
const maxTogether = 500;

interface Waiting<T, R> {
  item: T;
  done: (result: R) => void;
  failed: (error: unknown) => void;
}

/** Answers in the order of the items. */
type Run<T, R> = (tenantId: string, items: readonly T[]) => Promise<readonly R[]>;

/**
 * What comes for a tenant close together is done together, by one connection: the first at once, and what comes meanwhile or
 * within `everyMs` of it next. An item that the database refuses fails alone; without a database all that wait fail.
 */
export function together<T, R>(run: Run<T, R>): (tenantId: string, item: T) => Promise<R> {
  const queues = new Map<string, Waiting<T, R>[]>();

  async function settle(tenantId: string, taken: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const items = taken.map(({ item }) => item);
      const results = await ofTenant(tenantId, () => run(tenantId, items));
      for (const [i, { done }] of taken.entries()) done(results[i]!);
    } catch (error) {
      if (isConnectionFailure(error)) {
        // Each would wait for a connection again, and more come than are answered so.
        const behind = queues.get(tenantId)?.splice(0) ?? [];
        for (const { failed } of [...taken, ...behind]) failed(error);
      } else if (taken.length === 1) taken[0]!.failed(error);
      else for (const one of taken) await settle(tenantId, [one]);
    }
  }

  async function work(tenantId: string, waiting: Waiting<T, R>[]): Promise<void> {
    while (waiting.length > 0) {
      await Promise.all([settle(tenantId, waiting.splice(0, maxTogether)), sleep(everyMs)]);
    }
    queues.delete(tenantId);
  }

  return (tenantId, item) =>
    new Promise((done, failed) => {
      const waiting = queues.get(tenantId);
      if (waiting) {
        waiting.push({ item, done, failed });
        return;
      }
      const first = [{ item, done, failed }];
      queues.set(tenantId, first);
      void work(tenantId, first);
    });
}
