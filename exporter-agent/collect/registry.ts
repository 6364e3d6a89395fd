import { createBondingCollector } from './bonding.ts';
import type { Collector, CollectorName } from './collector.ts';
import { createCpuCollector } from './cpu.ts';
import { createDiskCollector } from './disk.ts';
import {
  createFilesystemCollector,
  type BlockCounts,
  type FilesystemCollector,
} from './filesystem.ts';
import { createKernelCollector, createVmstatCollector } from './kernel.ts';
import { createConntrackCollector, createFilefdCollector } from './limits.ts';
import { createLoadavgCollector } from './loadavg.ts';
import { createMdadmCollector } from './mdadm.ts';
import { createMemoryCollector } from './memory.ts';
import { createNetworkCollector } from './network.ts';
import type { Profile } from './node/metric.ts';
import { createPressureCollector } from './pressure.ts';
import { createProcessCollector, type ProcessCollector } from './process/collector.ts';
import type { Procfs } from './procfs/root.ts';
import { createSocketsCollector } from './sockets.ts';
import { createUnameCollector } from './uname.ts';

/** What can be switched off by name, in the order they run; `self` always runs, last. */
export const switchableCollectors = [
  'cpu',
  'loadavg',
  'memory',
  'filesystem',
  'disk',
  'network',
  'sockets',
  'processes',
  'kernel',
  'vmstat',
  'pressure',
  'filefd',
  'conntrack',
  'uname',
  'mdadm',
  'bonding',
] as const satisfies readonly CollectorName[];

export type SwitchableCollector = (typeof switchableCollectors)[number];

export interface HostCollectors {
  list: Collector[];
  /** Those that run when these, beside the operator's own choice, are switched off. */
  without(off: readonly string[]): Collector[];
  filesystem: FilesystemCollector;
  processes: ProcessCollector;
}

export interface HostCollectorDeps {
  procfs: Procfs;
  /** The same over /sys. */
  sysfs: Procfs;
  profile: Profile;
  /** As uname(2) says it: `x86_64`. */
  machine: string;
  statfs: (mountPoint: string) => Promise<BlockCounts>;
  /** Set where /proc of another namespace is read: network figures then come from its PID 1. */
  foreignProc: boolean;
  networkFilesystems: boolean;
  /** CPU time of the agent so far. */
  cpuMicros: () => number;
  off: readonly SwitchableCollector[];
}

/** The collectors of a Linux host. To add one: a file beside this one, a name above, a line below. */
export function createHostCollectors(deps: HostCollectorDeps): HostCollectors {
  const { procfs, sysfs } = deps;
  const nodeNames = deps.profile !== 'lean';
  const net = deps.foreignProc ? '1/net' : 'net';
  const filesystem = createFilesystemCollector({
    procfs,
    statfs: deps.statfs,
    options: { network: deps.networkFilesystems },
    nodeNames,
  });
  const processes = createProcessCollector({
    procfs,
    cpuMicros: deps.cpuMicros,
    later: (work) => void setImmediate(work),
  });
  const all: Record<SwitchableCollector, Collector> = {
    cpu: createCpuCollector(procfs, nodeNames),
    loadavg: createLoadavgCollector(procfs, nodeNames),
    memory: createMemoryCollector(procfs, nodeNames),
    filesystem,
    disk: createDiskCollector(procfs, nodeNames),
    network: createNetworkCollector(procfs, { path: `${net}/dev`, nodeNames }),
    sockets: createSocketsCollector(procfs, `${net}/sockstat`),
    processes,
    kernel: createKernelCollector(procfs),
    vmstat: createVmstatCollector(procfs),
    pressure: createPressureCollector(procfs),
    filefd: createFilefdCollector(procfs),
    conntrack: createConntrackCollector(procfs),
    uname: createUnameCollector(procfs, deps.machine),
    mdadm: createMdadmCollector(procfs),
    bonding: createBondingCollector(sysfs),
  };
  const list = switchableCollectors
    .filter((name) => !deps.off.includes(name) && isIn(deps.profile, all[name]))
    .map((name) => all[name]);
  const without = (off: readonly string[]) => list.filter(({ name }) => !off.includes(name));
  return { list, without, filesystem, processes };
}

/** Collectors without a metric of the catalog are there for node_exporter's names alone. */
function isIn(profile: Profile, collector: Collector): boolean {
  return profile !== 'lean' || collector.emits.length > 0;
}
