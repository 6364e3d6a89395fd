import { createAllowances, createRateCounter, type Allowances } from '../limits/index.ts';
import { messageOf, systemClock } from '../platform/index.ts';
import { createRateWindowStore, type Postgres } from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';

/** A row is one who asked; those who went away need not be remembered. */
const purgeMs = 10 * 60_000;

/** What everybody may ask in a minute, counted for all replicas. */
export function startLimits(foundation: Foundation, { knex }: Postgres): Allowances {
  const { lifecycle, loaded, meters } = foundation;
  const { viewer, operator, admin, key, login, address } = loaded.config.rateLimits;
  const log = foundation.log.child('limits');
  const clock = systemClock;
  const store = createRateWindowStore(knex);
  const timer = setInterval(() => {
    store.purge(clock.nowMs()).catch((error: unknown) => {
      log.warn('old minutes not forgotten, will be tried again', { error: messageOf(error) });
    });
  }, purgeMs).unref();
  lifecycle.onStop('limits', () => {
    clearInterval(timer);
    return Promise.resolve();
  });
  return createAllowances({
    counter: createRateCounter({ store, clock, log, meters }),
    config: { roles: { Viewer: viewer, Operator: operator, Admin: admin }, key, login, address },
    clock,
  });
}
