import type { Collector, Emit, Labels } from './collector.ts';
import { listNames, readValue, type Procfs } from './procfs/root.ts';
import { fields, wholeLines } from './procfs/text.ts';

const microsPerSecond = 1e6;
const maxDepth = 5;
const walkEveryMs = 30_000;

export interface CgroupOptions {
  /** More than these are not told: a host of thousands of scopes has another problem than missing series. */
  maxGroups: number;
}

/**
 * Services and containers by their control group, version 2 (Documentation/admin-guide/cgroup-v2.rst). A group is told
 * when it is a systemd service or scope, or holds no other group; its label is its path, container ids cut to 12 digits.
 */
export function createCgroupCollector(
  sysfs: Procfs,
  options: CgroupOptions = { maxGroups: 200 },
): Collector {
  /** By path; made anew at each walk, for scopes come and go. */
  let groups = new Map<string, Labels>();
  let walkedAtMs = Number.NEGATIVE_INFINITY;
  return {
    name: 'cgroup',
    emits: [
      'cgroup_cpu_seconds_total',
      'cgroup_memory_bytes',
      'cgroup_memory_limit_bytes',
      'cgroup_oom_kills_total',
      'cgroup_io_read_bytes_total',
      'cgroup_io_written_bytes_total',
      'cgroup_pids',
    ],
    collect(tick, emit) {
      const root = findRoot(sysfs);
      if (root === undefined) return 'not-on-this-host';
      if (tick.monotonicMs - walkedAtMs >= walkEveryMs) {
        const found = findGroups(sysfs, root).slice(0, options.maxGroups);
        groups = new Map(
          found.map((path) => [path, groups.get(path) ?? [['cgroup', shorten(path)]]]),
        );
        walkedAtMs = tick.monotonicMs;
      }
      for (const [path, labels] of groups) emitGroup(sysfs, `${root}/${path}`, { emit, labels });
      return 'ok';
    },
  };
}

/** `unified` is where a host that also has version 1 keeps it. */
function findRoot(sysfs: Procfs): string | undefined {
  return ['fs/cgroup', 'fs/cgroup/unified'].find(
    (path) => readValue(sysfs, `${path}/cgroup.controllers`) !== undefined,
  );
}

const systemdLeaf = /\.(service|scope)$/;
const systemdOther = /\.(slice|mount|socket|swap|timer|path|target|device|automount)$/;

function findGroups(sysfs: Procfs, root: string): string[] {
  const found: string[] = [];
  const visit = (path: string, depth: number): void => {
    const isLeaf = systemdLeaf.test(path);
    const children = isLeaf || depth === maxDepth ? [] : childGroups(sysfs, `${root}/${path}`);
    for (const child of children) visit(path === '' ? child : `${path}/${child}`, depth + 1);
    const isBare = children.length === 0 && path !== '' && !systemdOther.test(path);
    if (isLeaf || isBare) found.push(path);
  };
  visit('', 0);
  return found;
}

/** Groups are the only directories there, and the kernel's files all have a dot and a known beginning. */
function childGroups(sysfs: Procfs, path: string): string[] {
  return listNames(sysfs, path).filter(
    (name) => !/^(cgroup|cpu|cpuset|memory|io|pids|rdma|hugetlb|misc|irq|dmem)\./.test(name),
  );
}

function shorten(path: string): string {
  return path.replace(/([0-9a-f]{12})[0-9a-f]{52}/g, '$1');
}

interface Told {
  emit: Emit;
  labels: Labels;
}

/** A controller that is off for the group has no file; a group that has just gone has none at all. */
function emitGroup(sysfs: Procfs, path: string, { emit, labels }: Told): void {
  const read = (file: string) => readValue(sysfs, `${path}/${file}`);
  const cpu = valueOf(read('cpu.stat'), 'usage_usec');
  if (cpu !== undefined) emit('cgroup_cpu_seconds_total', cpu / microsPerSecond, labels);
  const memory = read('memory.current');
  if (memory !== undefined) {
    // Page cache that can go at any time is no need of the service.
    const reclaimable = valueOf(read('memory.stat'), 'inactive_file') ?? 0;
    emit('cgroup_memory_bytes', Math.max(0, Number(memory) - reclaimable), labels);
  }
  const limit = read('memory.max');
  if (limit !== undefined && limit !== 'max') {
    emit('cgroup_memory_limit_bytes', Number(limit), labels);
  }
  const kills = valueOf(read('memory.events'), 'oom_kill');
  if (kills !== undefined) emit('cgroup_oom_kills_total', kills, labels);
  const io = read('io.stat');
  if (io !== undefined) {
    emit('cgroup_io_read_bytes_total', sumOf(io, 'rbytes='), labels);
    emit('cgroup_io_written_bytes_total', sumOf(io, 'wbytes='), labels);
  }
  const pids = read('pids.current');
  if (pids !== undefined) emit('cgroup_pids', Number(pids), labels);
}

/** Of `name value` lines. */
function valueOf(text: string | undefined, name: string): number | undefined {
  const line = text?.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

/** Of `8:0 rbytes=1 wbytes=2 rios=3 …`, a line per device. */
function sumOf(text: string, key: string): number {
  let sum = 0;
  for (const line of wholeLines(`${text}\n`)) {
    const field = fields(line).find((part) => part.startsWith(key));
    if (field !== undefined) sum += Number(field.slice(key.length));
  }
  return sum;
}
