/** Requests of one minute under one key. */
export interface RateWindow {
  spent: number;
  /** When the first of them came, milliseconds since the epoch. */
  startedAtMs: number;
}

export interface Spending {
  key: string;
  count: number;
}

/** Port: the counts that all replicas share. */
export interface RateWindowStore {
  /**
   * Adds to each key's window, or begins one where the last is over a minute old; in the order of the spendings, whose
   * keys are distinct.
   */
  spend(spendings: readonly Spending[], nowMs: number): Promise<RateWindow[]>;
  /** Forgets windows that ended: their number. */
  purge(nowMs: number): Promise<number>;
}
