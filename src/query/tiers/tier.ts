import type { SeriesReader } from '../series-reader.ts';

export type TierName = 'raw' | '1m' | '5m';

/**
 * A storage of one resolution. In those of aggregates the plain name is the average (of a counter the last value) of the
 * window that ends at a sample's time, and `NAME:min`, `NAME:max`, `NAME:count` stand beside it (docs/tiers.md).
 */
export interface ReadTier {
  name: TierName;
  /** Distance of its samples, milliseconds; 0 where they are as they came. */
  stepMs: number;
  reader: SeriesReader;
  /** Where several storages share its series: labels that keep a series in one of them. */
  placedBy?: readonly string[];
  /** How long this tenant's samples are kept, milliseconds. */
  keptMs: (tenantId: string) => number;
  /** Until when it is filled; Infinity where samples come by themselves. */
  filledUntilMs: (tenantId: string) => number;
}

/** Names that aggregates have beside the plain one. */
export const aggregateSuffixes = ['min', 'max', 'count'] as const;

const suffix = new RegExp(`:(?:${aggregateSuffixes.join('|')})$`);

/** Without the names that the downsampler made beside those that are there; a sender's own name may end like one. */
export function withoutAggregates<T>(all: readonly T[], nameOf: (one: T) => string): T[] {
  const names = new Set(all.map(nameOf));
  return all.filter((one) => {
    const name = nameOf(one);
    return !(suffix.test(name) && names.has(name.replace(suffix, '')));
  });
}
