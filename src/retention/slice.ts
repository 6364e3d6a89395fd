import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../platform/index.ts';
import type { Label } from '../wire/index.ts';
import { createAggregates, type SliceOfTier } from './aggregates.ts';
import { isTaken, kindOf, type Kind, type TypeOf } from './kinds.ts';
import type { RawSeries, RawSource, Span } from './ports.ts';
import type { TierSink } from './tier-sink.ts';
import { aggregate } from './windows.ts';

/** Names of one question to raw storage. */
const namesAtOnce = 32;
/** Others of this process wait no longer than this for their turn, milliseconds. */
const turnMs = 2;

/** One tier's part in a slice. */
export interface SliceTarget {
  slice: SliceOfTier;
  sink: TierSink;
}

export interface SliceJob {
  tenantId: string;
  span: Span;
  targets: readonly SliceTarget[];
  typeOf: TypeOf;
}

export interface SliceDeps {
  raw: RawSource;
  clock: Clock;
}

export interface SliceCount {
  samples: number;
  series: number;
  /** Series whose names are those of aggregates. */
  leftOut: number;
}

/** The names of a tenant's hour in questions of a size. */
export function inBatches(names: readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let at = 0; at < names.length; at += namesAtOnce) {
    batches.push(names.slice(at, at + namesAtOnce));
  }
  return batches;
}

/**
 * Reads one hour of one tenant once and writes it to all tiers. A tier that takes no more is passed over; when none is
 * left it ends early. Rejects where raw storage does.
 */
export async function runSlice(
  { raw, clock }: SliceDeps,
  job: SliceJob,
  signal: AbortSignal,
): Promise<SliceCount> {
  const names = await raw.names(job.tenantId, job.span);
  const kinds = new Map(names.map((name) => [name, kindOf(name, job.typeOf)]));
  const made = createAggregates();
  const total: SliceCount = { samples: 0, series: 0, leftOut: 0 };
  let turnEndsMs = clock.monotonicMs() + turnMs;
  for (const batch of inBatches(names)) {
    for await (const series of raw.series(job.tenantId, batch, job.span, signal)) {
      const sinks = job.targets.filter(({ sink }) => sink.failure === undefined);
      if (sinks.length === 0) return total;
      const isLeftOut = isTaken(series.labels['__name__'] ?? '', kinds);
      total.series += 1;
      total.leftOut += Number(isLeftOut);
      total.samples += countOf(series, job.span);
      for (const { slice, sink } of isLeftOut ? [] : sinks) {
        take(series, kinds, { slice, sink, made });
        await sink.relieve();
      }
      if (clock.monotonicMs() < turnEndsMs) continue;
      await setImmediate();
      turnEndsMs = clock.monotonicMs() + turnMs;
    }
  }
  for (const { sink } of job.targets) await sink.finish();
  return total;
}

interface Taking extends SliceTarget {
  made: ReturnType<typeof createAggregates>;
}

function take(
  series: RawSeries,
  kinds: ReadonlyMap<string, Kind>,
  { slice, sink, made }: Taking,
): void {
  const name = series.labels['__name__'] ?? '';
  aggregate(series, kinds.get(name) ?? 'gauge', slice, made);
  sink.add(name, labelsOf(series), made);
}

/** As `count` of the source has it. */
function countOf({ timestamps, values }: RawSeries, { startMs, endMs }: Span): number {
  let count = 0;
  for (let at = 0; at < timestamps.length; at += 1) {
    const stampMs = timestamps[at]!;
    if (values[at] !== null && stampMs > startMs && stampMs <= endMs) count += 1;
  }
  return count;
}

/** Without the name, and without the tenant, which is forced at the writing. */
function labelsOf({ labels }: RawSeries): Label[] {
  return Object.entries(labels).filter(([name]) => name !== '__name__' && name !== 'tenant');
}
