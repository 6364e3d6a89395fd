import type { Collector, Emit, Labels } from './collector.ts';
import type { Point } from './run.ts';
import { asTextfileName } from './node/metric.ts';
import { parseExposition } from './procfs/exposition.ts';

/** A directory of `*.prom` files; injected, so that the collector itself opens nothing. */
export interface TextfileDirectory {
  /** Names with the time of their last change, milliseconds since the epoch; throws the system's error. */
  list(): { name: string; changedMs: number; bytes: number }[];
  read(name: string): string;
}

const maxFileBytes = 1024 * 1024;
const maxPoints = 2_000;

interface Known {
  changedMs: number;
  labels: Labels;
  /** Undefined: the file cannot be used. */
  points: readonly Point[] | undefined;
}

/**
 * What scripts leave as exposition text in `textfile_dir`, as node_exporter's collector of that name does. A file is read
 * when it has changed; one that cannot be used is told by `node_textfile_scrape_error` and takes no other down.
 */
export function createTextfileCollector(directory: TextfileDirectory | undefined): Collector {
  let known = new Map<string, Known>();

  function refresh(): boolean {
    const next = new Map<string, Known>();
    let ok = true;
    for (const { name, changedMs, bytes } of directory?.list() ?? []) {
      if (!name.endsWith('.prom')) continue;
      const before = known.get(name);
      const entry =
        before?.changedMs === changedMs
          ? before
          : { changedMs, labels: [['file', name]] as const, points: load(name, bytes) };
      next.set(name, entry);
      ok &&= entry.points !== undefined;
    }
    known = next;
    return ok;
  }

  function load(name: string, bytes: number): readonly Point[] | undefined {
    if (bytes > maxFileBytes) return undefined;
    try {
      const points = parseExposition(directory!.read(name)).map((line) => ({
        ...line,
        name: asTextfileName(line.name),
      }));
      return points.length <= maxPoints ? points : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    name: 'textfile',
    emits: [],
    collect(_tick, emit) {
      let ok: boolean;
      try {
        ok = refresh();
      } catch {
        ok = false;
      }
      emit('node_textfile_scrape_error', ok ? 0 : 1);
      for (const entry of known.values()) emitFile(entry, emit);
      return 'ok';
    },
  };
}

function emitFile({ changedMs, labels, points }: Known, emit: Emit): void {
  emit('node_textfile_mtime_seconds', changedMs / 1000, labels);
  for (const { name, value, labels: own } of points ?? []) emit(name, value, own);
}
