import { createBondingCollector } from './bonding.ts';
import type { Collector, CollectorName } from './collector.ts';
import { createCgroupCollector } from './cgroup.ts';
import { createCpuCollector } from './cpu.ts';
import { createDiskCollector } from './disk.ts';
import {
  createFilesystemCollector,
  type BlockCounts,
  type FilesystemCollector,
} from './filesystem.ts';
import {
  createCpufreqCollector,
  createPowerSupplyCollector,
  createThermalZoneCollector,
} from './hardware.ts';
import { createHwmonCollector } from './hwmon.ts';
import { createKernelCollector, createVmstatCollector } from './kernel.ts';
import {
  createConntrackCollector,
  createEntropyCollector,
  createFilefdCollector,
} from './limits.ts';
import { createLoadavgCollector } from './loadavg.ts';
import { createMdadmCollector } from './mdadm.ts';
import { createMemoryCollector } from './memory.ts';
import { createArpCollector, createUdpQueuesCollector } from './net-tables.ts';
import { createNetclassCollector } from './netclass.ts';
import { createNetstatCollector } from './netstat.ts';
import { createNetworkCollector } from './network.ts';
import { createGpuCollector, type GpuCollector, type GpuDeps } from './gpu/collector.ts';
import { profiles, type Profile } from './node/metric.ts';
import { createOsCollector } from './os.ts';
import { createSchedstatCollector, createSoftnetCollector } from './per-cpu.ts';
import { createPressureCollector } from './pressure.ts';
import { createProcessCollector, type ProcessCollector } from './process/collector.ts';
import type { Procfs } from './procfs/root.ts';
import { rested } from './rested.ts';
import { createSocketsCollector } from './sockets.ts';
import { createTextfileCollector, type TextfileDirectory } from './textfile.ts';
import { createUnameCollector } from './uname.ts';

/**
 * What can be switched by name, in the order they run, with the least profile each belongs to; `asked` runs only when it
 * is named. `self` always runs, last.
 */
export const membership = {
  cpu: 'lean',
  loadavg: 'lean',
  memory: 'lean',
  filesystem: 'lean',
  disk: 'lean',
  network: 'lean',
  sockets: 'lean',
  processes: 'lean',
  gpu: 'lean',
  kernel: 'core',
  vmstat: 'core',
  pressure: 'core',
  filefd: 'core',
  conntrack: 'core',
  uname: 'core',
  mdadm: 'core',
  bonding: 'core',
  textfile: 'core',
  netstat: 'full',
  softnet: 'full',
  schedstat: 'full',
  entropy: 'full',
  arp: 'full',
  udp_queues: 'full',
  netclass: 'full',
  cpufreq: 'full',
  hwmon: 'full',
  thermal_zone: 'full',
  powersupplyclass: 'full',
  os: 'full',
  cgroup: 'asked',
} as const satisfies Partial<Record<CollectorName, Profile | 'asked'>>;

export type SwitchableCollector = keyof typeof membership;

export const switchableCollectors = Object.keys(membership) as SwitchableCollector[];

/** Not read at every tick: they change seldom, or cost many small files. */
const everyMs: Partial<Record<SwitchableCollector, number>> = {
  mdadm: 15_000,
  bonding: 15_000,
  udp_queues: 15_000,
  netclass: 15_000,
  cpufreq: 15_000,
  hwmon: 15_000,
  thermal_zone: 15_000,
  powersupplyclass: 15_000,
  cgroup: 15_000,
  os: 600_000,
};

export interface HostCollectors {
  list: Collector[];
  /** Those that run when these, beside the operator's own choice, are switched off. */
  without(off: readonly string[]): Collector[];
  filesystem: FilesystemCollector;
  processes: ProcessCollector;
  gpu: GpuCollector;
}

export interface HostCollectorDeps {
  procfs: Procfs;
  /** The same over /sys. */
  sysfs: Procfs;
  /** The same over the host's root directory. */
  root: Procfs;
  profile: Profile;
  /** As uname(2) says it: `x86_64`. */
  machine: string;
  statfs: (mountPoint: string) => Promise<BlockCounts>;
  /** Set where /proc of another namespace is read: network figures then come from its PID 1. */
  foreignProc: boolean;
  networkFilesystems: boolean;
  /** Beside those of the profile. */
  on: readonly SwitchableCollector[];
  /** CPU time of the agent so far. */
  cpuMicros: () => number;
  gpu: Omit<GpuDeps, 'procfs'>;
  off: readonly SwitchableCollector[];
  textfiles: TextfileDirectory | undefined;
}

/** The collectors of a Linux host. To add one: a file beside this one, a name above, a line below. */
export function createHostCollectors(deps: HostCollectorDeps): HostCollectors {
  const filesystem = createFilesystemCollector({
    procfs: deps.procfs,
    statfs: deps.statfs,
    options: { network: deps.networkFilesystems },
    nodeNames: deps.profile !== 'lean',
  });
  const processes = createProcessCollector({
    procfs: deps.procfs,
    cpuMicros: deps.cpuMicros,
    later: (work) => void setImmediate(work),
  });
  const gpu = createGpuCollector({ ...deps.gpu, procfs: deps.procfs });
  processes.joinGpu((pid) => gpu.useOf(pid));
  const all = {
    ...createCoreCollectors(deps),
    ...createFullCollectors(deps),
    filesystem,
    processes,
    gpu,
  };
  const list = switchableCollectors
    .filter((name) => isWanted(name, deps))
    .map((name) => {
      const collector: Collector = all[name];
      return membership[name] === 'lean' ? collector : rested(collector, everyMs[name]);
    });
  const without = (off: readonly string[]) => list.filter(({ name }) => !off.includes(name));
  return { list, without, filesystem, processes, gpu };
}

/** Of another namespace's /proc, the network of its PID 1. */
const netOf = (deps: HostCollectorDeps) => (deps.foreignProc ? '1/net' : 'net');

function createCoreCollectors(deps: HostCollectorDeps) {
  const { procfs, profile } = deps;
  const net = netOf(deps);
  return {
    cpu: createCpuCollector(procfs, profile),
    loadavg: createLoadavgCollector(procfs, profile !== 'lean'),
    memory: createMemoryCollector(procfs, profile),
    disk: createDiskCollector(procfs, profile),
    network: createNetworkCollector(procfs, { path: `${net}/dev`, profile }),
    sockets: createSocketsCollector(procfs, { net, profile }),
    kernel: createKernelCollector(procfs),
    vmstat: createVmstatCollector(procfs),
    pressure: createPressureCollector(procfs),
    filefd: createFilefdCollector(procfs),
    conntrack: createConntrackCollector(procfs, { net, profile }),
    uname: createUnameCollector(procfs, deps.machine),
    mdadm: createMdadmCollector(procfs),
    bonding: createBondingCollector(deps.sysfs),
    textfile: createTextfileCollector(deps.textfiles),
  };
}

function createFullCollectors(deps: HostCollectorDeps) {
  const { procfs, sysfs } = deps;
  const net = netOf(deps);
  return {
    netstat: createNetstatCollector(procfs, net),
    softnet: createSoftnetCollector(procfs, net),
    schedstat: createSchedstatCollector(procfs),
    entropy: createEntropyCollector(procfs),
    arp: createArpCollector(procfs, net),
    udp_queues: createUdpQueuesCollector(procfs, net),
    netclass: createNetclassCollector(sysfs),
    cpufreq: createCpufreqCollector(sysfs),
    hwmon: createHwmonCollector(sysfs),
    thermal_zone: createThermalZoneCollector(sysfs),
    powersupplyclass: createPowerSupplyCollector(sysfs),
    os: createOsCollector({ root: deps.root, sysfs }),
    cgroup: createCgroupCollector(sysfs),
  };
}

function isWanted(name: SwitchableCollector, deps: HostCollectorDeps): boolean {
  if (deps.off.includes(name)) return false;
  if (deps.on.includes(name)) return true;
  const least = membership[name];
  return least !== 'asked' && profiles.indexOf(least) <= profiles.indexOf(deps.profile);
}
