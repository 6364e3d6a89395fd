import { createHash } from 'node:crypto';
import type { Clock } from '../platform/index.ts';
import type { RateCounter } from './rate-counter.ts';

export type RoleName = 'Viewer' | 'Operator' | 'Admin';

/** Requests a minute; 0: as many as they like. */
export interface AllowanceConfig {
  roles: Readonly<Record<RoleName, { reads: number; writes: number }>>;
  key: number;
  login: number;
  address: number;
}

/** Whose minute a request is of. */
export type Asker =
  | { kind: 'user'; id: string; role: RoleName }
  | { kind: 'key'; id: string }
  | { kind: 'address'; address: string };

export interface Allowance {
  limit: number;
  remaining: number;
  /** Until the minute is over. */
  resetSeconds: number;
  isOver: boolean;
}

export interface Allowances {
  /** Counts one request; undefined where there is no limit. */
  spend(asker: Asker, kind: 'read' | 'write'): Promise<Allowance | undefined>;
  /** Counts an attempt to log in: 0 where it may go on, else the seconds until the next may. */
  login(account: string, address: string): Promise<number>;
}

export function createAllowances(deps: {
  counter: RateCounter;
  config: AllowanceConfig;
  clock: Clock;
}): Allowances {
  const { counter, config, clock } = deps;

  async function spend(key: string, limit: number): Promise<Allowance | undefined> {
    if (limit === 0) return undefined;
    const { place, endsAtMs } = await counter.spend(key, limit);
    return {
      limit,
      remaining: Math.max(0, limit - place),
      resetSeconds: Math.max(1, Math.ceil((endsAtMs - clock.nowMs()) / 1_000)),
      isOver: place > limit,
    };
  }

  return {
    spend(asker, kind) {
      switch (asker.kind) {
        case 'user': {
          const { reads, writes } = config.roles[asker.role];
          return spend(`user ${asker.id} ${kind}`, kind === 'read' ? reads : writes);
        }
        case 'key':
          return spend(`key ${asker.id}`, config.key);
        case 'address':
          return spend(`address ${asker.address}`, config.address);
      }
    },
    async login(account, address) {
      const name = createHash('sha256').update(account.trim().toLowerCase()).digest('base64url');
      const both = await Promise.all([
        spend(`login ${name}`, config.login),
        spend(`login from ${address}`, config.login),
      ]);
      const waits = both.map((one) => (one?.isOver ? one.resetSeconds : 0));
      return Math.max(...waits);
    },
  };
}
