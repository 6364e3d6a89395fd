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
  /** Ends what runs beside the agent. */
  stop: () => void;
}

const defaultTopN = 10;

export function createRunning(deps: {
  first: HostCollectors;
  profile: Profile;
  build: (profile: Profile) => HostCollectors;
  /** What the server set; of it the number of processes and their masks are read before each pass. */
  remote: () => RemoteConfig | undefined;
  /** The agent's about itself, which always run. */
  own: (nodeNames: boolean) => Collector[];
}): Running {
  let { first: host, profile } = deps;
  let list: readonly Collector[] = [];
  const policy = (): ProcessPolicy => {
    const { topN = defaultTopN, maskProcessNames = false } = deps.remote() ?? {};
    return { topN, mask: maskProcessNames };
  };
  const use = (built: HostCollectors): void => {
    if (built !== host) host.gpu.stop();
    host = built;
    host.processes.follow(policy);
    host.gpu.follow(policy);
  };
  use(host);
  return {
    topProcesses: () =>
      list.includes(host.processes) ? (host.processes.snapshot() ?? null) : null,
    list: () => list,
    stop: () => host.gpu.stop(),
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
      if (!list.includes(host.gpu)) host.gpu.stop();
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
