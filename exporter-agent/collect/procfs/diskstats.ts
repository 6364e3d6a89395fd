import { fields, numbers, wholeLines } from './text.ts';

/** One device of /proc/diskstats; field numbers are those of iostats.rst. Sectors are always 512 bytes. */
export interface DiskStats {
  device: string;
  /** f1 */
  reads: number;
  /** f3 */
  sectorsRead: number;
  /** f5 */
  writes: number;
  /** f7 */
  sectorsWritten: number;
  /** f10, milliseconds, 32 bits wide: it wraps after 49.7 days of them. */
  busyMs: number;
  /** f11, milliseconds × requests in flight, 32 bits wide as well. */
  weightedMs: number;
  /** f1 to f17 as they stand; a kernel before 4.18 has no discards (f12), one before 5.5 no flushes (f16). */
  all: readonly number[];
}

export function parseDiskstats(text: string): DiskStats[] {
  const disks: DiskStats[] = [];
  for (const line of wholeLines(text)) {
    const parts = fields(line);
    const device = parts[2];
    const values = numbers(parts.slice(3, 20));
    // Partitions of kernels before 2.6.25 have four fields; nothing to read there.
    if (device === undefined || values === undefined || values.length < 11) continue;
    disks.push({
      device,
      reads: values[0]!,
      sectorsRead: values[2]!,
      writes: values[4]!,
      sectorsWritten: values[6]!,
      busyMs: values[9]!,
      weightedMs: values[10]!,
      all: values,
    });
  }
  return disks;
}
