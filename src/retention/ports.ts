import type { AggregateTier } from './tiers.ts';
import type { Samples } from './aggregates.ts';

/** Samples after `startMs` and not after `endMs`. */
export interface Span {
  startMs: number;
  endMs: number;
}

/** One series as raw storage has it. */
export interface RawSeries extends Samples {
  readonly labels: Readonly<Record<string, string>>;
}

/** Port: what raw storage has of one tenant. Calls reject with UNAVAILABLE where it does not answer. */
export interface RawSource {
  /** Names of the metrics of that time; more may be among them. */
  names(tenantId: string, span: Span): Promise<readonly string[]>;
  /** One series after the other as they come, never all at once; a reader that is slow holds the source back. */
  series(
    tenantId: string,
    names: readonly string[],
    span: Span,
    signal: AbortSignal,
  ): AsyncIterable<RawSeries>;
  /** How many samples there are, stale markers not counted. */
  count(tenantId: string, names: readonly string[], span: Span): Promise<number>;
}

/** Port: the VictoriaMetrics of one tier. */
export interface TierStore {
  /** Writes a remote-write 1.0 body, not compressed, in the tenant's name; says what went wrong. */
  write(tenantId: string, body: Buffer): Promise<string | undefined>;
  /** Makes what was written visible. */
  flush(): Promise<void>;
  /** Names its running life: after another answer its last seconds may be lost. Undefined while it does not answer. */
  life(): Promise<string | undefined>;
}

/** One hour of one tier of one tenant. */
export interface SliceKey {
  tenantId: string;
  tier: AggregateTier;
  startMs: number;
}

export interface Claim {
  /** Above all earlier ones of this slice. */
  version: number;
  /** Until when it was asked for again; null: it was not. */
  askedMs: number | null;
}

export interface DoneSlice extends SliceKey, Claim {
  /** What went in. */
  samples: number;
  /** When its samples are to be counted again; null: no more. */
  checkMs: number | null;
}

/** Up to where a tier has everything of a tenant. */
export interface Mark {
  tenantId: string;
  tier: AggregateTier;
  doneUntilMs: number;
}

export interface CheckedSlice extends SliceKey {
  samples: number;
}

/**
 * Port: what is done, in Postgres. One worker of all replicas holds it; of all others, and of one that lost it, the
 * calls marked *held* reject with CONFLICT.
 */
export interface SliceStore {
  /** Takes or renews the right to work. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
  marks(): Promise<readonly Mark[]>;
  /** Held: where a tenant is new to a tier, everything from this time on is to be done. */
  begin(mark: Mark): Promise<void>;
  /** Slices below the marks that are to be done again, the oldest first. */
  asked(limit: number): Promise<readonly SliceKey[]>;
  /** Held: the next version of the slice; the last one there is over and over, if it comes to that. */
  claim(slice: SliceKey): Promise<Claim>;
  /** Held: the slice is in the tier for good; its mark moves where the slice begins at it. */
  done(slice: DoneSlice): Promise<void>;
  /** Slices whose samples are to be counted again by now, the oldest first. */
  toCheck(nowMs: number, limit: number): Promise<readonly CheckedSlice[]>;
  /** Held: what the count came to. */
  checked(slice: SliceKey, next: { checkMs: number | null; askedMs: number | null }): Promise<void>;
  /** Held: forgets slices that begin before; how many. */
  forget(beforeMs: number): Promise<number>;
}
