import type { SendOutcome } from './channel.ts';
import type { MessageAlert } from './message.ts';

/** Rows of the outbox that are sent together: one rule's alerts for one channel. */
export interface ClaimedBatch {
  /** The message's id, the same at every try. */
  messageId: string;
  tenantId: string;
  channel: string;
  ruleKey: string;
  /** Tries so far, this one included. */
  attempt: number;
  alerts: readonly MessageAlert[];
}

/** Why a row was never sent. Public: shown in the delivery trail. */
export type DropReason = 'resolved-before-sent' | 'acknowledged' | 'silenced' | 'superseded';

export interface Attempt {
  startedAtMs: number;
  durationMs: number;
  outcome: SendOutcome;
}

/** Port: the outbox. Implemented in storage/postgres; its clock is the only one. */
export interface Outbox {
  /** Drops what need not be said any more, and gives the next batch that is due; undefined where there is none. */
  claim(): Promise<ClaimedBatch | undefined>;
  /**
   * Writes the attempt down and what follows from it: sent, dead, or due again after `retryInMs`. `isFree`: the try
   * does not count, since the receiver asked for patience.
   */
  finish(
    batch: ClaimedBatch,
    attempt: Attempt,
    next: { retryInMs?: number; isFree?: boolean; reason?: string },
  ): Promise<void>;
  depth(): Promise<{ queued: number; oldestSeconds: number; dead: number }>;
}
