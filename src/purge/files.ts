import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import type { Purged } from './counter.ts';
import { removeLeftOvers } from './left-overs.ts';
import { createTurns, type Turns } from './turns.ts';

/** Port: the files that people fetch. */
export interface PurgedFiles {
  /** Removes what is older of those whose names begin so: their number. */
  purge(prefix: 'export-' | 'report-', olderThanMs: number): Promise<number>;
  /** Removes the oldest until the others have so many bytes together: their number. */
  trim(maxBytes: number): Promise<number>;
}

interface Deps {
  files: PurgedFiles;
  /** Where files grow before they are fetched. */
  workDir: string;
  keepExportsMs: number;
  keepReportsMs: number;
  /** Of all files together. */
  maxBytes: number;
  everyMs: number;
  clock: Clock;
  purged: Purged;
  log: Logger;
}

export type FilePurge = Turns;

/** A file that grows is written to all the time; one that nobody has touched for so long is of a process that is gone. */
const leftAfterMs = 3_600_000;

/** Removes files that were kept for long enough, then the oldest ones over the bound, and what killed processes left. */
export function createFilePurge(deps: Deps): FilePurge {
  const { files, clock, purged, log } = deps;
  return createTurns(async () => {
    const nowMs = clock.nowMs();
    const kinds: Readonly<Record<string, () => Promise<number>>> = {
      export_file: () => files.purge('export-', nowMs - deps.keepExportsMs),
      report_file: () => files.purge('report-', nowMs - deps.keepReportsMs),
      file_over_bound: () => files.trim(deps.maxBytes),
      left_over: () => removeLeftOvers(deps.workDir, nowMs - leftAfterMs),
    };
    for (const [kind, remove] of Object.entries(kinds)) {
      try {
        purged(kind, await remove());
      } catch (error) {
        log.warn('old files not removed, will be tried again', { kind, error: messageOf(error) });
      }
    }
  }, deps.everyMs);
}
