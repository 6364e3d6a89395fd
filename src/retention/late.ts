import type { RawSource, SliceKey, SliceStore } from './ports.ts';
import { inBatches } from './slice.ts';
import { sliceMs } from './tiers.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Hours that are looked up at once. */
const checksAtOnce = 100;

/**
 * When the samples of an hour are counted again: soon, a day later (a journal may have waited for storage), and a day
 * before raw samples expire. Null: not any more.
 */
export function nextCheckMs(startMs: number, nowMs: number, rawRetentionMs: number): number | null {
  const endMs = startMs + sliceMs;
  const ages = [3 * hourMs, dayMs, rawRetentionMs - dayMs].sort((a, b) => a - b);
  return ages.map((age) => endMs + age).find((atMs) => atMs > nowMs) ?? null;
}

interface Deps {
  raw: RawSource;
  store: SliceStore;
  rawRetentionMs: number;
}

/**
 * Counts again what is due for it, and asks for hours that have more samples than were aggregated; how many. Whatever
 * came late and by whatever way is found so, without a word on the write path.
 */
export async function findLate(
  { raw, store, rawRetentionMs }: Deps,
  nowMs: number,
  signal: AbortSignal,
): Promise<number> {
  const counts = new Map<string, number>();
  let late = 0;
  for (;;) {
    const slices = await store.toCheck(nowMs, checksAtOnce);
    for (const slice of slices) {
      if (signal.aborted) return late;
      const key = `${String(slice.startMs)} ${slice.tenantId}`;
      const count = counts.get(key) ?? (await countOf(raw, slice));
      counts.set(key, count);
      const isLate = count > slice.samples;
      late += Number(isLate);
      await store.checked(slice, {
        checkMs: nextCheckMs(slice.startMs, nowMs, rawRetentionMs),
        askedMs: isLate ? nowMs : null,
      });
    }
    if (slices.length < checksAtOnce) return late;
  }
}

async function countOf(raw: RawSource, { tenantId, startMs }: SliceKey): Promise<number> {
  const span = { startMs, endMs: startMs + sliceMs };
  let count = 0;
  for (const names of inBatches(await raw.names(tenantId, span))) {
    count += await raw.count(tenantId, names, span);
  }
  return count;
}
