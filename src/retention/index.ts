/**
 * takes: raw samples of a tenant's closed hours, and where each tier stands.
 * gives: their aggregates in the tiers of one and of five minutes, each hour exactly once; the one table of tiers.
 * never: answers questions, moves a mark before the tier has the hour on disk, knows SQL or VictoriaMetrics's paths.
 * see:   docs/tiers.md, docs/adr/0017-tiers.md
 */
export { createDownsampler, type Downsampler } from './downsampler.ts';
export { createRetentionMeters } from './meters.ts';
export type {
  CheckedSlice,
  Claim,
  DoneSlice,
  Mark,
  RawSeries,
  RawSource,
  SliceKey,
  SliceStore,
  Span,
  TierStore,
} from './ports.ts';
export {
  maxVersion,
  sliceMs,
  suffixes,
  tierFlags,
  tierSpecs,
  type AggregateTier,
} from './tiers.ts';
