import { Writer, type DecodeKernel } from '../wire/index.ts';
import type { Admission } from './limits/admit.ts';
import type { RateBudget } from './limits/budget.ts';
import type { HaElection, HaOptions } from './limits/ha.ts';
import type { BodyDigest, Repeats } from './limits/repeats.ts';
import { addRefused, type Reason, type RefusedCounts } from './judge/reason.ts';
import type { MetricNames } from './judge/metric-names.ts';
import type { Scope, Scopes } from './judge/scopes.ts';
import type { ExemplarQueue } from './keep/exemplars.ts';
import type { Ledger } from './keep/ledger.ts';
import type { MetadataKeeper } from './keep/metadata.ts';
import type { IngestMeters } from './meters.ts';
import { sum, total, type RefusedExample, type Written } from './outcome.ts';
import type { PolicyOf, Sender, TagsOf } from './sender.ts';
import type { ActiveSeries } from './judge/active-series.ts';

/** A body to be taken in: as posted, or already a decoded 1.0 WriteRequest. */
export type Payload =
  | { kind: 'posted'; version: 1 | 2; chunks: readonly Uint8Array[] }
  | { kind: 'decoded'; bytes: Uint8Array };

/** What the steps work with; all of it answers from memory. */
export interface Tools {
  kernel: DecodeKernel;
  scopes: Scopes;
  active: ActiveSeries;
  names: MetricNames;
  admission: Admission;
  repeats: Repeats;
  rate: RateBudget;
  ha: HaElection;
  haOptions: HaOptions;
  ledger: Ledger;
  exemplars: ExemplarQueue;
  metadata: MetadataKeeper;
  meters: IngestMeters;
  policyOf: PolicyOf;
  tagsOf: TagsOf;
  nowMs: () => number;
  /** Labels that only the gateway may set. */
  reserved: readonly string[];
  maxLabels: number;
  maxSeries: number;
  /** The host tag that chooses the shard. */
  shardTag: string;
  maxDecodedBytes: number;
}

/** Timestamps a minute beyond the tenant's window still pass: clocks differ, and requests take time. */
const slackMs = 60_000;
/** Examples kept for the answer. */
const maxExamples = 10;

/** One request on its way through the steps. */
export class Work {
  readonly sender: Sender;
  readonly payload: Payload;
  readonly scope: Scope;
  readonly minTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly nowMs: number;
  readonly written: Written = { samples: 0, histograms: 0, exemplars: 0 };
  readonly refused: RefusedCounts = new Map();
  readonly examples: RefusedExample[] = [];
  digest: BodyDigest | undefined;
  /** Everything that came, in the same units as `written`. */
  received = 0;
  /** What the whitelist drops without a word to the sender. */
  droppedSilently: Written = { samples: 0, histograms: 0, exemplars: 0 };
  observed = 0;
  /** Values that are NaN and no stale marker. */
  nan = 0;
  /** Something must be left out or changed, so the body cannot pass as it came. */
  mustRebuild = false;
  /** TimeSeries messages that take the place of ones that could not be copied. */
  extra: Writer | undefined;
  body: readonly Uint8Array[] = [];
  bodyBytes = 0;
  private readonly maxExtraBytes: number;

  constructor(sender: Sender, payload: Payload, tools: Tools) {
    this.sender = sender;
    this.payload = payload;
    this.scope = tools.scopes.scopeOf(sender);
    this.nowMs = tools.nowMs();
    this.maxExtraBytes = tools.maxDecodedBytes;
    const policy = tools.policyOf(sender.tenantId);
    this.minTimestampMs = this.nowMs - policy.timestampPastMs - slackMs;
    this.maxTimestampMs = this.nowMs + policy.timestampFutureMs + slackMs;
  }

  isInWindow(timestampMs: number): boolean {
    return timestampMs >= this.minTimestampMs && timestampMs <= this.maxTimestampMs;
  }

  /** Answers with how many were refused; a plain number counts samples. */
  refuse(reason: Reason, count: number | Written, series: string, index?: number): number {
    this.mustRebuild = true;
    const what =
      typeof count === 'number' ? { samples: count, histograms: 0, exemplars: 0 } : count;
    const many = total(what);
    if (many === 0) return 0;
    if (reason === 'not_whitelisted' && this.sender.whitelistMode === 'drop') {
      this.droppedSilently = sum(this.droppedSilently, what);
    }
    addRefused(this.refused, reason, many);
    if (this.examples.length < maxExamples) {
      this.examples.push(index === undefined ? { reason, series } : { reason, series, index });
    }
    return many;
  }

  /** Whether so much more may be written anew: a histogram of a kilobyte unfolds to megabytes of labels. */
  hasRoom(bytes: number): boolean {
    return (this.extra?.size ?? 0) + bytes <= this.maxExtraBytes;
  }

  extraWriter(): Writer {
    this.mustRebuild = true;
    this.extra ??= new Writer();
    return this.extra;
  }
}
