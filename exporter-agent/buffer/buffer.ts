import type { Clock } from '../clock.ts';

/** One compressed body that waits for the server. */
export interface StoredBatch {
  /** Rises by one per stored batch, also over restarts. */
  seq: number;
  timestampMs: number;
  body: Uint8Array;
}

/** Why the buffer itself gave up a batch. */
export type SpoolDropReason = 'spool_full' | 'spool_expired' | 'spool_broken';

export interface BufferLimits {
  maxBytes: number;
  /** Of time that really passed: a wall clock that is set forward gives up nothing. */
  maxAgeMs: number;
}

export interface BufferStats {
  bytes: number;
  batches: number;
  oldestMs: number | null;
}

/**
 * Batches that could not be sent, oldest first. Beyond its limits it gives up the oldest and says so
 * through `onDrop`; it never throws because a disk is full or broken.
 *
 * A taken batch stays until it is settled, so that a crash in between sends it once more rather than never.
 */
export interface SpoolBuffer {
  /** Keeps a copy of the body. */
  add(body: Uint8Array, timestampMs: number): void;
  /** The oldest batch that is not settled, or undefined. Asking again gives the same one. */
  take(): StoredBatch | undefined;
  /** The batch `take` gave was accepted, refused or put back in parts: it is done with. */
  settle(seq: number): void;
  stats(): BufferStats;
  close(): void;
}

export type OnSpoolDrop = (reason: SpoolDropReason, batches: number) => void;

export interface BufferDeps {
  limits: BufferLimits;
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  onDrop: OnSpoolDrop;
}
