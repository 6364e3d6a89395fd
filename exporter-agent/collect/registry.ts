import type { Collector, CollectorName } from './collector.ts';
import { createCpuCollector } from './cpu.ts';
import { createDiskCollector } from './disk.ts';
import {
  createFilesystemCollector,
  type BlockCounts,
  type FilesystemCollector,
} from './filesystem.ts';
import { createLoadavgCollector } from './loadavg.ts';
import { createMemoryCollector } from './memory.ts';
import { createNetworkCollector } from './network.ts';
import type { Procfs } from './procfs/root.ts';
import { createSocketsCollector } from './sockets.ts';

/** What can be switched off by name, in the order they run; `self` always runs, last. */
export const switchableCollectors = [
  'cpu',
  'loadavg',
  'memory',
  'filesystem',
  'disk',
  'network',
  'sockets',
] as const satisfies readonly CollectorName[];

export type SwitchableCollector = (typeof switchableCollectors)[number];

export interface HostCollectors {
  list: Collector[];
  /** Those that run when these, beside the operator's own choice, are switched off. */
  without(off: readonly string[]): Collector[];
  filesystem: FilesystemCollector;
}

export interface HostCollectorDeps {
  procfs: Procfs;
  statfs: (mountPoint: string) => Promise<BlockCounts>;
  /** Set where /proc of another namespace is read: network figures then come from its PID 1. */
  foreignProc: boolean;
  networkFilesystems: boolean;
  off: readonly SwitchableCollector[];
}

/** The collectors of a Linux host. To add one: a file beside this one, a name above, a line below. */
export function createHostCollectors(deps: HostCollectorDeps): HostCollectors {
  const { procfs } = deps;
  const net = deps.foreignProc ? '1/net' : 'net';
  const filesystem = createFilesystemCollector({
    procfs,
    statfs: deps.statfs,
    options: { network: deps.networkFilesystems },
  });
  const all: Record<SwitchableCollector, Collector> = {
    cpu: createCpuCollector(procfs),
    loadavg: createLoadavgCollector(procfs),
    memory: createMemoryCollector(procfs),
    filesystem,
    disk: createDiskCollector(procfs),
    network: createNetworkCollector(procfs, { path: `${net}/dev` }),
    sockets: createSocketsCollector(procfs, `${net}/sockstat`),
  };
  const list = switchableCollectors.filter((name) => !deps.off.includes(name)).map((n) => all[n]);
  const without = (off: readonly string[]) => list.filter(({ name }) => !off.includes(name));
  return { list, without, filesystem };
}
