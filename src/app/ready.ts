import type { Forward } from '../forward/index.ts';
import type { Check } from '../http/index.ts';
import { systemClock } from '../platform/index.ts';
import type { ChangeFeed, Postgres } from '../storage/postgres/index.ts';
import { createVictoriaClient } from '../storage/victoria/index.ts';
import type { Foundation } from './compose.ts';

/** Something that works on its own and can say whether it still does. */
interface Living {
  isLive(): boolean;
}

interface Parts {
  postgres: Postgres;
  changes: ChangeFeed;
  forward: Forward | undefined;
  ruler: Living | undefined;
  worker: Living | undefined;
}

/** What is remembered of the database follows it within a second; older than this it must not be trusted. */
const staleAfterMs = 10_000;
const probeTimeoutMs = 1_500;

/** What `/ready` looks at: each part is asked anew, so that a balancer hears of an outage within its own interval. */
export function readyChecks(
  foundation: Foundation,
  { postgres, changes, forward, ruler, worker }: Parts,
): Record<string, Check> {
  const answers = storageProbe(foundation);
  const said = (isGood: boolean): Promise<boolean> => Promise.resolve(isGood);
  return {
    db: () => postgres.ping().then(() => true),
    // Keys, tags, policies and rules are answered from memory, in this process: there is no cache that could be away.
    cache: () => said(systemClock.monotonicMs() - changes.heardAtMs() < staleAfterMs),
    storage: () => (forward && forward.down().length > 0 ? said(false) : answers()),
    ...(forward ? { journal: () => said(forward.takes()) } : {}),
    ...(ruler ? { ruler: () => said(ruler.isLive()) } : {}),
    ...(worker ? { worker: () => said(worker.isLive()) } : {}),
  };
}

function storageProbe({ backends, lifecycle }: Foundation): Check {
  const client = createVictoriaClient(backends.victoria.raw, { connections: 1 });
  lifecycle.onStop('VictoriaMetrics client (readiness)', () => client.close());
  const query = new URLSearchParams();
  return async () => {
    const { status } = await client.request({
      ...{ method: 'GET', path: '/health', query, timeoutMs: probeTimeoutMs },
      // Also those that wait behind a probe that hangs.
      signal: AbortSignal.timeout(probeTimeoutMs),
    });
    return status === 200;
  };
}
