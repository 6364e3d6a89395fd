import type { Emit } from '../collector.ts';
import { createMasker } from '../process/mask.ts';
import { largest, type GpuUse } from '../process/rank.ts';
import type { ProcessPolicy } from '../process/ranking.ts';
import type { Procfs } from '../procfs/root.ts';
import { parseGpuProcess, type GpuProcess, type GpuReading } from './parse.ts';

/** Seconds between two readings of what computes. */
export const processLoopSeconds = 15;
/** Lines of one reading come together; after a pause as long as this another one begins. */
const readingGapMs = 5_000;
const mostProcesses = 4_096;

/** What computes on the cards, as of the last reading that named anything. */
export function createPrograms() {
  const rows = new Map<string, GpuProcess>();
  let heardMs = -Infinity;
  return {
    /** False for a line that names no program. */
    take: (line: string, atMs: number): boolean => {
      const read = parseGpuProcess(line);
      if (read === undefined) return false;
      if (atMs - heardMs > readingGapMs) rows.clear();
      heardMs = atMs;
      const key = `${read.pid} ${read.uuid}`;
      const known = rows.get(key)?.memoryMib;
      // A program that has several slices of one card has a line for each.
      if (known !== undefined) read.memoryMib = known + (read.memoryMib ?? 0);
      if (rows.size < mostProcesses) rows.set(key, read);
      return true;
    },
    /** Nothing is printed when the last program has ended. */
    expire(nowMs: number): void {
      if (nowMs - heardMs > 1000 * 2 * processLoopSeconds + readingGapMs) rows.clear();
    },
    clear: () => rows.clear(),
    on: (uuid: string) => [...rows.values()].filter((row) => row.uuid === uuid),
    useOf(pid: number, indexOf: (uuid: string) => number | undefined): GpuUse | undefined {
      let memoryMib = 0;
      let most: GpuProcess | undefined;
      for (const row of rows.values()) {
        if (row.pid !== pid || row.memoryMib === undefined) continue;
        memoryMib += row.memoryMib;
        if (row.memoryMib > (most?.memoryMib ?? -1)) most = row;
      }
      return most && { memoryMib, gpuIndex: indexOf(most.uuid) ?? null };
    },
  };
}

/** Tells the programs of each card by name: of one name the largest, whose pid is the value. */
export function createProgramTeller(procfs: Pick<Procfs, 'readOnce'>) {
  const nameOf = createNames(procfs);
  return (
    card: GpuReading,
    programs: readonly GpuProcess[],
    { policy, emit }: { policy: ProcessPolicy; emit: Emit },
  ): void => {
    const told = new Set<string>();
    for (const { pid } of largest(programs, policy.topN, rankOf)) {
      const process = nameOf(pid, policy.mask);
      if (process === undefined || told.has(process)) continue;
      told.add(process);
      emit('gpu_process_pid', pid, [
        ['gpu', String(card.index)],
        ['uuid', card.uuid],
        ['process', process],
      ]);
    }
  };
}

/** One whose memory is not told comes after all others, but it does come. */
const rankOf = ({ memoryMib }: GpuProcess) => (memoryMib ?? 0) + 1;

/** The kernel's name of a process, as in the process list; undefined for one that this host does not show. */
function createNames(procfs: Pick<Procfs, 'readOnce'>) {
  const masked = createMasker();
  return (pid: number, mask: boolean): string | undefined => {
    try {
      const comm = procfs.readOnce(`${pid}/comm`).trimEnd();
      const name = Buffer.from(comm, 'latin1').toString('utf8');
      return mask ? masked(name) : name;
    } catch {
      return undefined;
    }
  };
}
