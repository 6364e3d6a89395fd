import type { RemoteConfig } from '../config/remote.ts';
import type { Collector } from './collector.ts';
import type { Profile } from './node/metric.ts';
import type { ProcessPolicy, ProcessSnapshot } from './process/ranking.ts';
import type { HostCollectors } from './registry.ts';

/** The collectors that run at the moment: the operator's choice with the server's over it. */
export interface Running {
  list: () => readonly Collector[];
  nodeNames: () => boolean;
  stuckMounts: () => number;
  /** Null before the first pass, and where the collector is off. */
  topProcesses: () => ProcessSnapshot | null;
  /** From the next tick on. Another profile begins anew: its first tick has no rates. */
  choose: (remote: RemoteConfig | undefined) => void;
}

export function createRunning(deps: {
  first: HostCollectors;
  profile: Profile;
  build: (profile: Profile) => HostCollectors;
  /** What to tell of processes; read before each pass. */
  policy: () => ProcessPolicy;
  /** The agent's about itself, which always run. */
  own: (nodeNames: boolean) => Collector[];
}): Running {
  let { first: host, profile } = deps;
  let list: readonly Collector[] = [];
  const use = (built: HostCollectors): void => {
    host = built;
    host.processes.follow(deps.policy);
  };
  use(host);
  return {
    topProcesses: () =>
      list.includes(host.processes) ? (host.processes.snapshot() ?? null) : null,
    list: () => list,
    nodeNames: () => profile !== 'lean',
    stuckMounts: () => host.filesystem.stuckMounts(),
    choose(remote) {
      const wanted = remote?.profile ?? deps.profile;
      if (wanted !== profile) {
        use(deps.build(wanted));
        profile = wanted;
      }
      const off = [...(remote?.collectorsOff ?? []), ...(remote?.gpu === false ? ['gpu'] : [])];
      list = [...host.without(off), ...deps.own(profile !== 'lean')];
    },
  };
}

/**
 * One call at a time for each argument, whoever asks: a statfs(2) that hangs holds a thread, and collectors that
 * begin anew must not hang another one on the same mount.
 */
export function shareCalls<T>(call: (argument: string) => Promise<T>): typeof call {
  const out = new Map<string, Promise<T>>();
  return (argument) => {
    const running = out.get(argument);
    if (running) return running;
    const started = call(argument).finally(() => out.delete(argument));
    out.set(argument, started);
    return started;
  };
}
