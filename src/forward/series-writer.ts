import type { Label } from '../wire/index.ts';

export type WriteAnswer =
  | { kind: 'written' }
  /** The store will never take it. */
  | { kind: 'refused'; message: string }
  /** Try again later: connection lost, time out, 5xx. */
  | { kind: 'failed'; message: string; retryAfterSeconds?: number };

/** An answering store that does not say when it started: after any failure it must be taken for restarted. */
export const hiddenIncarnation = 'hidden';
export type HiddenIncarnation = typeof hiddenIncarnation;
/** In the name of a life: a node of a cluster does not answer. Samples are taken, and none is confirmed until it is back. */
export const awayIncarnation = '(away)';
export type AwayIncarnation = typeof awayIncarnation;

/** What forwarding needs of one store; `storage/victoria` implements it. */
export interface SeriesWriter {
  /** Writes a remote-write 1.0 body, with these labels forced on every series. */
  write(labels: readonly Label[], body: Buffer): Promise<WriteAnswer>;
  /** Makes what was written visible to queries. */
  makeVisible(): Promise<void>;
  /**
   * Names the running life of the store: another answer means that it restarted and may have lost its last
   * seconds. Undefined while it does not answer.
   */
  incarnation(): Promise<string | undefined>;
  /** A connection ended: the store may have restarted. */
  onDisconnect(listener: () => void): void;
}
