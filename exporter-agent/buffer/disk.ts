import type { BufferDeps, SpoolBuffer } from './buffer.ts';
import { createMemoryBuffer } from './memory.ts';
import { SegmentLog, readBody, type AppendBytes } from './segment-log.ts';

/** What the memory ring holds while the disk refuses: five minutes of a lean host, many times over. */
const fallbackBytes = 512 * 1024;

export interface DiskBufferDeps extends BufferDeps {
  directory: string;
  /** Told when the disk begins to refuse, and with `undefined` when it takes records again. */
  onDiskState?: (error: unknown) => void;
  append?: AppendBytes;
}

/**
 * The buffer on disk. While the disk refuses (full, read-only), a memory ring takes over, and its batches
 * follow those on disk. Throws only here, when the directory cannot be used at all.
 */
export function createDiskBuffer(deps: DiskBufferDeps): SpoolBuffer {
  const { limits, clock, onDrop } = deps;
  const log = new SegmentLog(deps.directory, clock, deps.append);
  if (log.tornSegments > 0) onDrop('spool_broken', log.tornSegments);
  const ring = createMemoryBuffer({
    ...deps,
    limits: { ...limits, maxBytes: Math.min(fallbackBytes, limits.maxBytes) },
  });
  let taken: 'log' | 'ring' = 'log';
  let refusing = false;

  const dropWhile = (reason: 'spool_full' | 'spool_expired', isDue: () => boolean) => {
    const dropped = removeWhile(log, isDue);
    if (dropped > 0) onDrop(reason, dropped);
  };
  const isExpired = () =>
    clock.monotonicMs() - (log.oldest()?.bornMs ?? Infinity) > limits.maxAgeMs;

  function setRefusing(error: unknown): void {
    const isRefusing = error !== undefined;
    if (isRefusing !== refusing) deps.onDiskState?.(error);
    refusing = isRefusing;
  }

  return {
    add(body, timestampMs) {
      try {
        log.push(body, timestampMs);
        setRefusing(undefined);
      } catch (error) {
        setRefusing(error);
        ring.add(body, timestampMs);
      }
      dropWhile('spool_expired', isExpired);
      dropWhile('spool_full', () => log.bytes > limits.maxBytes);
    },
    take() {
      dropWhile('spool_expired', isExpired);
      for (let entry = log.oldest(); entry !== undefined; entry = log.oldest()) {
        const body = readBody(entry);
        taken = 'log';
        if (body !== undefined) return { seq: entry.seq, timestampMs: entry.timestampMs, body };
        log.removeOldest();
        onDrop('spool_broken', 1);
      }
      taken = 'ring';
      return ring.take();
    },
    settle(seq) {
      if (taken === 'ring') ring.settle(seq);
      else if (log.oldest()?.seq === seq) log.removeOldest();
    },
    stats() {
      const inRing = ring.stats();
      return {
        bytes: log.bytes + inRing.bytes,
        batches: log.length + inRing.batches,
        oldestMs: log.oldest()?.timestampMs ?? inRing.oldestMs,
      };
    },
    close: () => log.close(),
  };
}

/** How many of the oldest went. */
function removeWhile(log: SegmentLog, isDue: () => boolean): number {
  let removed = 0;
  while (log.length > 0 && isDue()) {
    log.removeOldest();
    removed += 1;
  }
  return removed;
}
