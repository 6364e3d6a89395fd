import { messageOf, type Clock, type Logger } from '../../platform/index.ts';

/** The replica of an HA pair whose samples are taken. */
export interface HaLeader {
  tenantId: string;
  cluster: string;
  replica: string;
  /** When it took over, and when its samples last came, milliseconds. */
  electedAtMs: number;
  receivedAtMs: number;
}

/** State shared by the gateways; each call is one statement. */
export interface HaStore {
  /**
   * Makes `replica` the leader if there is none, or if the leader's samples last came before `staleBeforeMs`.
   * Answers with the leader after that.
   */
  claim(claim: HaClaim): Promise<HaLeader>;
  /** Moves `receivedAtMs` forward for leaders that this gateway hears. */
  refresh(leaders: readonly HaLeader[]): Promise<void>;
  list(tenantId: string): Promise<HaLeader[]>;
}

export interface HaClaim {
  tenantId: string;
  cluster: string;
  replica: string;
  nowMs: number;
  staleBeforeMs: number;
}

export interface HaOptions {
  clusterLabel: string;
  replicaLabel: string;
  failoverMs: number;
  /** Clusters of one tenant; more are refused a pair and pass without deduplication. */
  maxClustersPerTenant: number;
}

export type HaDecision = 'take' | 'leave';

export interface HaElection {
  /** From memory where the leader is known and alive; a promise where Postgres must be asked first. */
  decide(tenantId: string, cluster: string, replica: string): HaDecision | Promise<HaDecision>;
  /** Writes to Postgres which leaders are alive. */
  flush(): Promise<void>;
  list(tenantId: string): HaLeader[];
}

interface Deps {
  store: HaStore;
  clock: Clock;
  log: Logger;
  options: HaOptions;
}

export function createHaElection({ store, clock, log, options }: Deps): HaElection {
  const leaders = new Map<string, HaLeader>();
  const pending = new Map<string, Promise<HaLeader>>();
  const clusters = new Map<string, number>();
  const keyOf = (tenantId: string, cluster: string) => `${tenantId}\0${cluster}`;

  const clustersOf = (tenantId: string) => clusters.get(tenantId) ?? 0;

  async function elect(claim: HaClaim): Promise<HaLeader> {
    try {
      return await store.claim(claim);
    } catch (error) {
      // Without Postgres this gateway decides alone: a copy too many is better than none.
      log.warn('HA election without Postgres', { cluster: claim.cluster, error: messageOf(error) });
      const known = leaders.get(keyOf(claim.tenantId, claim.cluster));
      if (known && known.receivedAtMs >= claim.staleBeforeMs) return known;
      const { tenantId, cluster, replica, nowMs } = claim;
      return { tenantId, cluster, replica, electedAtMs: nowMs, receivedAtMs: nowMs };
    }
  }

  function contest(claim: HaClaim): Promise<HaLeader> {
    const key = keyOf(claim.tenantId, claim.cluster);
    const running = pending.get(key);
    if (running) return running;
    const before = leaders.get(key);
    const election = elect(claim)
      .then((leader) => {
        if (!leaders.has(key)) clusters.set(claim.tenantId, clustersOf(claim.tenantId) + 1);
        leaders.set(key, leader);
        if (leader.replica !== before?.replica) {
          log.info('HA leader elected', { ...leader, previous: before?.replica ?? null });
        }
        return leader;
      })
      .finally(() => pending.delete(key));
    pending.set(key, election);
    return election;
  }

  return {
    decide(tenantId, cluster, replica) {
      const nowMs = clock.nowMs();
      const staleBeforeMs = nowMs - options.failoverMs;
      const leader = leaders.get(keyOf(tenantId, cluster));
      if (leader && leader.receivedAtMs >= staleBeforeMs) {
        if (leader.replica !== replica) return 'leave';
        leader.receivedAtMs = nowMs;
        return 'take';
      }
      // The name of a cluster is the sender's word: without a bound it would fill memory and Postgres.
      if (!leader && clustersOf(tenantId) >= options.maxClustersPerTenant) return 'take';
      return contest({ tenantId, cluster, replica, nowMs, staleBeforeMs }).then((elected) =>
        elected.replica === replica ? 'take' : 'leave',
      );
    },
    async flush() {
      const alive = [...leaders.values()];
      if (alive.length > 0) await store.refresh(alive);
    },
    list: (tenantId) => [...leaders.values()].filter((leader) => leader.tenantId === tenantId),
  };
}
