import { fields, ProcParseError, wholeLines } from '../procfs/text.ts';

/** vm_stat(1), bytes. */
export interface VmStat {
  free: number;
  wired: number;
  purgeable: number;
  fileBacked: number;
  anonymous: number;
  compressor: number;
}

export function parseVmStat(text: string): VmStat {
  const pageBytes = Number(/page size of (\d+) bytes/.exec(text)?.[1]);
  const bytes = (name: string): number => {
    const pages = new RegExp(`^${name}:\\s+(\\d+)\\.$`, 'm').exec(text)?.[1];
    if (pages === undefined || !(pageBytes > 0)) throw new ProcParseError(`vm_stat: no "${name}"`);
    return Number(pages) * pageBytes;
  };
  return {
    free: bytes('Pages free'),
    wired: bytes('Pages wired down'),
    purgeable: bytes('Pages purgeable'),
    fileBacked: bytes('File-backed pages'),
    anonymous: bytes('Anonymous pages'),
    compressor: bytes('Pages occupied by compressor'),
  };
}

const unitBytes: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** `sysctl vm.swapusage`, bytes. */
export function parseSwapUsage(text: string): { total: number; free: number } {
  const bytes = (name: string): number => {
    const [, digits, unit = ''] = new RegExp(`\\b${name} = ([\\d.]+)([KMG])`).exec(text) ?? [];
    if (digits === undefined) throw new ProcParseError(`vm.swapusage: no "${name}"`);
    return Number(digits) * (unitBytes[unit] ?? 1);
  };
  return { total: bytes('total'), free: bytes('free') };
}

export interface InterfaceCounters {
  name: string;
  rxBytes: number;
  rxErrors: number;
  txBytes: number;
  txErrors: number;
  /** Of both directions; macOS counts them together. */
  drops: number;
}

/**
 * `netstat -ibdn`. An interface has a row for each of its addresses with the same counters; that of the link is taken.
 * A link without an address has a column less, so columns are counted from the right.
 */
export function parseInterfaces(text: string): InterfaceCounters[] {
  const [header = '', ...rows] = wholeLines(text);
  const titles = fields(header);
  const found: InterfaceCounters[] = [];
  for (const row of rows) {
    const parts = fields(row);
    const [name = '', , network = ''] = parts;
    if (!network.startsWith('<Link#')) continue;
    const value = (title: string) =>
      Number(parts[parts.length - titles.length + titles.indexOf(title)]);
    const counters = {
      // A star marks an interface that is down.
      name: name.replace('*', ''),
      rxBytes: value('Ibytes'),
      rxErrors: value('Ierrs'),
      txBytes: value('Obytes'),
      txErrors: value('Oerrs'),
      drops: titles.includes('Drop') ? value('Drop') : 0,
    };
    if (Object.values(counters).every((one) => typeof one === 'string' || Number.isFinite(one))) {
      found.push(counters);
    }
  }
  return found;
}

export interface DiskCounters {
  name: string;
  reads: number;
  writes: number;
  readBytes: number;
  writtenBytes: number;
}

/** `ioreg -r -l -w0 -c IOBlockStorageDriver`: each driver's statistics, then the name of its disk. */
export function parseDisks(text: string): DiskCounters[] {
  const disks: DiskCounters[] = [];
  let statistics: string | undefined;
  for (const line of wholeLines(text)) {
    if (line.includes('"Statistics" = {')) statistics = line;
    const name = /"BSD Name" = "(\w+)"/.exec(line)?.[1];
    if (name === undefined || statistics === undefined) continue;
    const from = statistics;
    const value = (key: string) => Number(from.split(`"${key}"=`)[1]?.match(/^\d+/)?.[0]);
    disks.push({
      name,
      reads: value('Operations (Read)'),
      writes: value('Operations (Write)'),
      readBytes: value('Bytes (Read)'),
      writtenBytes: value('Bytes (Write)'),
    });
    // Partitions of the disk come after it.
    statistics = undefined;
  }
  return disks.filter((disk) => Number.isFinite(disk.readBytes + disk.writtenBytes));
}

export interface LocalMount {
  source: string;
  mountPoint: string;
  fsType: string;
  isReadOnly: boolean;
}

/**
 * mount(8): `/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)`. The volumes below /System/Volumes share
 * the space of `/`.
 */
export function parseMounts(text: string): LocalMount[] {
  return wholeLines(text).flatMap((line) => {
    const [, source = '', mountPoint = '', words = ''] =
      /^(.+?) on (\/.*) \(([^()]+)\)$/.exec(line) ?? [];
    const [fsType = '', ...flags] = words.split(', ');
    const isWanted =
      flags.includes('local') && fsType !== 'devfs' && !mountPoint.startsWith('/System/Volumes/');
    return isWanted
      ? [{ source, mountPoint, fsType, isReadOnly: flags.includes('read-only') }]
      : [];
  });
}
