import type { Collector, Emit, Labels } from './collector.ts';
import { parseMountinfo, type Mount } from './procfs/mountinfo.ts';
import type { Procfs } from './procfs/root.ts';

/** The counts of statfs(2) that are needed, in blocks. */
export interface BlockCounts {
  blocks: number;
  bfree: number;
  bavail: number;
  /** Bytes of a block. */
  bsize: number;
  files: number;
  ffree: number;
}

export interface FilesystemOptions {
  /** Network filesystems are left alone unless asked for: a dead server holds statfs(2) for ever. */
  network: boolean;
  refreshMs: number;
  timeoutMs: number;
}

export const defaultFilesystemOptions: FilesystemOptions = {
  network: false,
  // Disks may sleep, and space does not change much faster.
  refreshMs: 30_000,
  timeoutMs: 5_000,
};

interface Deps {
  procfs: Pick<Procfs, 'read'>;
  /** Never the synchronous call: see `network` above. */
  statfs: (mountPoint: string) => Promise<BlockCounts>;
  options?: Partial<FilesystemOptions>;
  nodeNames?: boolean;
}

/** What is known of one mount; `askedAtMs` is set while a statfs is out. */
interface Watched {
  labels: Labels;
  isReadOnly: boolean;
  askedAtMs: number | undefined;
  counts: BlockCounts | undefined;
  hasFailed: boolean;
}

export interface FilesystemCollector extends Collector {
  /** Mounts whose statfs is overdue. */
  stuckMounts(): number;
}

/** Shows the last known fill of each mount and asks again in the background; a mount that does not answer is asked once only. */
export function createFilesystemCollector(deps: Deps): FilesystemCollector {
  const options = { ...defaultFilesystemOptions, ...deps.options };
  let watched = new Map<string, Watched>();
  let refreshedAtMs = Number.NEGATIVE_INFINITY;
  let nowMs = 0;

  const isStuck = (mount: Watched) =>
    mount.askedAtMs !== undefined && nowMs - mount.askedAtMs > options.timeoutMs;

  function ask(mountPoint: string, mount: Watched): void {
    if (mount.askedAtMs !== undefined) return;
    mount.askedAtMs = nowMs;
    const settle = (counts: BlockCounts | undefined) => {
      mount.askedAtMs = undefined;
      mount.counts = counts;
      mount.hasFailed = counts === undefined;
    };
    deps.statfs(mountPoint).then(settle, () => settle(undefined));
  }

  function refresh(): void {
    const mounts = selectMounts(readMounts(deps.procfs), options.network);
    const next = new Map<string, Watched>();
    for (const mount of mounts) {
      const key = `${mount.mountPoint} ${mount.source} ${mount.fsType}`;
      const entry = watched.get(key) ?? newlyWatched(mount);
      entry.isReadOnly = mount.isReadOnly;
      next.set(key, entry);
      ask(mount.mountPoint, entry);
    }
    watched = next;
    refreshedAtMs = nowMs;
  }

  /** Answers with 1 for a mount that was shown. */
  function emitMount(mount: Watched, emit: Emit): 0 | 1 {
    const failed = mount.hasFailed || isStuck(mount);
    const nodeNames = deps.nodeNames === true;
    if (nodeNames && (failed || mount.counts)) {
      emit('node_filesystem_device_error', failed ? 1 : 0, mount.labels);
    }
    if (mount.counts === undefined || failed) return 0;
    const usedPercent = toUsedPercent(mount.counts);
    if (usedPercent !== undefined) emit('disk_used_pct', usedPercent, mount.labels);
    if (nodeNames) emitSizes(mount.counts, mount, emit);
    return 1;
  }

  return {
    name: 'filesystem',
    emits: ['disk_used_pct'],
    stuckMounts: () => [...watched.values()].filter(isStuck).length,
    collect(tick, emit) {
      nowMs = tick.monotonicMs;
      if (nowMs - refreshedAtMs >= options.refreshMs) refresh();
      let shown = 0;
      for (const mount of watched.values()) shown += emitMount(mount, emit);
      if (shown > 0) return 'ok';
      return watched.size === 0 ? 'not-on-this-host' : 'not-yet';
    },
  };
}

function newlyWatched(mount: Mount): Watched {
  return {
    labels: [
      ['device', mount.source],
      ['fstype', mount.fsType],
      ['mountpoint', mount.mountPoint],
    ],
    isReadOnly: mount.isReadOnly,
    askedAtMs: undefined,
    counts: undefined,
    hasFailed: false,
  };
}

function emitSizes(counts: BlockCounts, { labels, isReadOnly }: Watched, emit: Emit): void {
  emit('node_filesystem_size_bytes', counts.blocks * counts.bsize, labels);
  emit('node_filesystem_free_bytes', counts.bfree * counts.bsize, labels);
  emit('node_filesystem_avail_bytes', counts.bavail * counts.bsize, labels);
  emit('node_filesystem_files', counts.files, labels);
  emit('node_filesystem_files_free', counts.ffree, labels);
  emit('node_filesystem_readonly', isReadOnly ? 1 : 0, labels);
}

/** PID 1's mounts are the host's; a sandbox of the agent's own unit would show everything read-only or hidden. */
function readMounts(procfs: Pick<Procfs, 'read'>): Mount[] {
  try {
    return parseMountinfo(procfs.read('1/mountinfo'));
  } catch {
    return parseMountinfo(procfs.read('self/mountinfo'));
  }
}

/** df(1): used / (used + available), so that the blocks reserved for root count as used up. */
export function toUsedPercent(counts: BlockCounts): number | undefined {
  const used = counts.blocks - counts.bfree;
  const reachable = used + counts.bavail;
  return reachable > 0 ? (100 * used) / reachable : undefined;
}

/** node_exporter's list (filesystem_linux.go), and tmpfs as Telegraf does: memory is told elsewhere. */
const pseudoTypes = new Set(
  `autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs fusectl hugetlbfs iso9660 mqueue
   nsfs overlay proc procfs pstore rpc_pipefs securityfs selinuxfs squashfs erofs sysfs tracefs tmpfs ramfs`.split(
    /\s+/,
  ),
);
const networkTypes =
  /^(nfs\d?|cifs|smb\d?|smbfs|fuse\.sshfs|ceph|fuse\.ceph|glusterfs|fuse\.glusterfs|9p|afs|lustre)$/;
const hiddenMounts =
  /^\/(dev|proc|run\/credentials\/.+|sys|var\/lib\/docker\/.+|var\/lib\/containers\/storage\/.+)($|\/)/;

/** One entry per filesystem: of its bind mounts, the one with the shortest path. */
export function selectMounts(mounts: readonly Mount[], network: boolean): Mount[] {
  const chosen = new Map<string, Mount>();
  for (const mount of mounts) {
    if (!isWanted(mount, network)) continue;
    const other = chosen.get(mount.deviceNumber);
    if (other === undefined || mount.mountPoint.length < other.mountPoint.length) {
      chosen.set(mount.deviceNumber, mount);
    }
  }
  return [...chosen.values()];
}

function isWanted(mount: Mount, network: boolean): boolean {
  // Inside a container the root is an overlay, and the only space there is to tell about.
  if (mount.fsType === 'overlay') return mount.mountPoint === '/';
  if (pseudoTypes.has(mount.fsType)) return false;
  if (!network && networkTypes.test(mount.fsType)) return false;
  return !hiddenMounts.test(mount.mountPoint);
}
