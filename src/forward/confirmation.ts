interface Checkpoint {
  seq: number;
  atMs: number;
}

/**
 * Which records are surely on the store's disk: those below the oldest unanswered one, at a moment that lies
 * `confirmAfterMs` back, with no restart of the store since. VictoriaMetrics acknowledges before it is durable:
 * by its code a sample reaches the disk within 12 s (field notes: 5–9 s lost at every kill -9).
 */
export class Confirmation {
  private readonly confirmAfterMs: number;
  private confirmed: number;
  /** In order of acceptance; the first is the oldest. */
  private readonly unanswered = new Set<number>();
  private checkpoints: Checkpoint[] = [];

  constructor(confirmed: number, confirmAfterMs: number) {
    this.confirmed = confirmed;
    this.confirmAfterMs = confirmAfterMs;
  }

  queued(seq: number): void {
    this.unanswered.add(seq);
  }

  answered(seq: number): void {
    this.unanswered.delete(seq);
  }

  /** The oldest record without an answer, or `otherwise`. */
  oldestUnanswered(otherwise: number): number {
    for (const seq of this.unanswered) return seq;
    return otherwise;
  }

  /** Marks the moment; answers with the number up to which records are confirmed now. */
  checkpoint(nowMs: number, lastQueued: number): number {
    const seq = this.oldestUnanswered(lastQueued + 1) - 1;
    if (seq > (this.checkpoints.at(-1)?.seq ?? this.confirmed)) {
      this.checkpoints.push({ seq, atMs: nowMs });
    }
    while (this.checkpoints[0] && this.checkpoints[0].atMs <= nowMs - this.confirmAfterMs) {
      this.confirmed = this.checkpoints.shift()?.seq ?? this.confirmed;
    }
    return this.confirmed;
  }

  /** The store restarted: the number of the first record to send again. */
  rewind(): number {
    this.unanswered.clear();
    this.checkpoints = [];
    return this.confirmed + 1;
  }
}
