import type { Label } from '../wire/index.ts';

/** Accepted series on their way to one VictoriaMetrics: a remote-write 1.0 body and the labels forced on it. */
export interface Batch {
  /** Labels that VictoriaMetrics puts on every series, the tenant first; they override what the body says. */
  labels: readonly Label[];
  /** Snappy block of a WriteRequest, in pieces as it came. */
  body: readonly Uint8Array[];
  /** Bytes of the body. */
  bytes: number;
  samples: number;
  /** The host's value of the sharding tag, if it has one. */
  shardTag?: string;
}

export type ForwardRefusal =
  'queue_full' | 'journal_full' | 'journal_failed' | 'storage_down' | 'stopping';

export type ForwardOutcome =
  | { kind: 'accepted' }
  /** The same batch may come again after a while. */
  | { kind: 'overloaded'; reason: ForwardRefusal; retryAfterSeconds: number }
  /** VictoriaMetrics will never take this batch. */
  | { kind: 'refused'; message: string };

/** Answers when the batch is durable in the journal, or in VictoriaMetrics where there is no journal. */
export type Accept = (batch: Batch) => Promise<ForwardOutcome>;
