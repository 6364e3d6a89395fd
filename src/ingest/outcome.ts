import type { Reason, RefusedCounts } from './judge/reason.ts';

/** What was accepted, in the units of remote write 2.0's Written headers. */
export interface Written {
  samples: number;
  histograms: number;
  exemplars: number;
}

/** One thing that was refused, as an answer names it. */
export interface RefusedExample {
  reason: Reason;
  /** The series in PromQL form, or what could be read of it. */
  series: string;
  /** Position in a JSON batch. */
  index?: number;
}

export type IngestOutcome =
  /** Everything asked for is in the queue; also an exact repeat, and the loser of an HA pair. */
  | { kind: 'accepted'; written: Written; note?: 'repeat' | 'ha_loser' }
  /** The rest is in the queue. */
  | {
      kind: 'partial';
      written: Written;
      received: number;
      refused: RefusedCounts;
      examples: RefusedExample[];
    }
  /** A permanent fault of the whole request. */
  | { kind: 'invalid'; reason: Reason; message: string }
  | { kind: 'unsupported'; message: string }
  | {
      kind: 'over_budget';
      reason: Reason;
      written: Written;
      retryAfterSeconds: number;
      message: string;
    }
  | { kind: 'overloaded'; retryAfterSeconds: number; message: string };

export const total = ({ samples, histograms, exemplars }: Written): number =>
  samples + histograms + exemplars;

export const sum = (a: Written, b: Written): Written => ({
  samples: a.samples + b.samples,
  histograms: a.histograms + b.histograms,
  exemplars: a.exemplars + b.exemplars,
});
