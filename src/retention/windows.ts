import type { Aggregates, Points, Samples, SliceOfTier } from './aggregates.ts';
import type { Kind } from './kinds.ts';
import { part, stampOf } from './tiers.ts';

/** Fills `into` anew. */
export function aggregate(
  samples: Samples,
  kind: Kind,
  slice: SliceOfTier,
  into: Aggregates,
): void {
  for (const points of [into.value, into.min, into.max, into.count]) points.clear();
  if (kind === 'gauge') gaugePoints(samples, slice, into);
  else counterPoints(samples, slice, into.value);
}

/** The samples of one window: indices from `from` to before `to`. */
type Visit = (from: number, to: number, windowEndMs: number) => void;

/** Visits the windows (T − step, T] of the slice that hold anything. */
function eachWindow({ timestamps }: Samples, slice: SliceOfTier, visit: Visit): void {
  const { stepMs } = slice.spec;
  let at = 0;
  while (at < timestamps.length && timestamps[at]! <= slice.startMs) at += 1;
  while (at < timestamps.length && timestamps[at]! <= slice.endMs) {
    const windowEndMs = Math.ceil(timestamps[at]! / stepMs) * stepMs;
    const from = at;
    while (at < timestamps.length && timestamps[at]! <= windowEndMs) at += 1;
    visit(from, at, windowEndMs);
  }
}

/** A series that ended in a window ends in the first part of the next, which nothing else uses. */
function endOf({ spec, version }: SliceOfTier, windowEndMs: number): number {
  return stampOf(spec, windowEndMs + spec.stepMs, [part.end, version]);
}

function gaugePoints(samples: Samples, slice: SliceOfTier, into: Aggregates): void {
  const { values } = samples;
  const all = [into.value, into.min, into.max, into.count];
  eachWindow(samples, slice, (from, to, windowEndMs) => {
    let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
    for (let at = from; at < to; at += 1) {
      const value = values[at] ?? null;
      if (value === null) continue;
      count += 1;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (count > 0) {
      const stampMs = stampOf(slice.spec, windowEndMs, [part.value, slice.version]);
      // Infinities of both signs have no average, and NaN would say that the series ended.
      if (!Number.isNaN(sum)) into.value.add(stampMs, sum / count);
      into.min.add(stampMs, min);
      into.max.add(stampMs, max);
      into.count.add(stampMs, count);
    }
    if (values[to - 1] === null) {
      for (const points of all) points.add(endOf(slice, windowEndMs), NaN);
    }
  });
}

/**
 * By how much a counter grew from one sample to the next, as VictoriaMetrics has it (lib/…/removeCounterResets): a
 * fall by less than an eighth is taken for jitter, any other for a new start from 0.
 */
export function growth(previous: number, value: number): number {
  if (value >= previous) return value - previous;
  return (previous - value) * 8 < previous ? 0 : value;
}

function counterPoints(samples: Samples, slice: SliceOfTier, into: Points): void {
  const { values } = samples;
  let previous: number | undefined;
  eachWindow(samples, slice, (from, to, windowEndMs) => {
    const isFirst = previous === undefined;
    let base = previous;
    let [count, grown] = [0, 0];
    for (let at = from; at < to; at += 1) {
      const value = values[at] ?? null;
      if (value === null) continue;
      if (previous === undefined) base = value;
      else grown += growth(previous, value);
      previous = value;
      count += 1;
    }
    if (count > 0) {
      const window = { base: base!, last: previous!, grown, withBase: isFirst && count > 1 };
      addCounter(window, slice, [windowEndMs, into]);
    }
    if (values[to - 1] === null) into.add(endOf(slice, windowEndMs), NaN);
  });
}

interface CounterWindow {
  /** The sample before the window's first, or that itself where there is none. */
  base: number;
  last: number;
  /** From `base` to `last`, over all falls. */
  grown: number;
  /** Whether `base` is of this window and must be stored with it. */
  withBase: boolean;
}

function addCounter(
  window: CounterWindow,
  { spec, version }: SliceOfTier,
  [windowEndMs, into]: readonly [number, Points],
): void {
  const { peak, floor } = hiddenFall(window);
  const extras = [
    [part.first, window.withBase ? window.base : undefined],
    [part.peak, peak],
    [part.floor, floor],
  ] as const;
  for (const [which, value] of extras) {
    const stampMs = stampOf(spec, windowEndMs, [which, version]);
    if (value !== undefined) into.add(stampMs, value);
    // An earlier version may have left something there; range functions pass over a stale marker.
    else if (version > 0) into.add(stampMs, NaN);
  }
  into.add(stampOf(spec, windowEndMs, [part.value, version]), window.last);
}

/**
 * What must stand between `base` and `last` so that a counter's growth comes out right where it fell and rose again
 * within the window: up to `peak`, down to `floor`, up to `last`.
 */
function hiddenFall({ base, last, grown }: CounterWindow): { peak?: number; floor?: number } {
  if (growth(base, last) === grown) return {};
  // After a new start `last` itself has been grown; what is more than that came before.
  if (grown >= last) return { peak: base + (grown - last), floor: 0 };
  // Only jitter: it rose by all that, and fell a little.
  return { peak: base + grown };
}
