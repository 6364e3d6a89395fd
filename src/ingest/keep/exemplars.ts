import type { Exemplar, Label } from '../../wire/index.ts';

export interface KeptExemplar {
  tenantId: string;
  seriesLabels: readonly Label[];
  exemplar: Exemplar;
}

export interface ExemplarStore {
  /** Appends; the store bounds itself per tenant, oldest first. */
  add(exemplars: readonly KeptExemplar[]): Promise<void>;
}

/** A bounded queue towards Postgres; VictoriaMetrics has no place for exemplars. */
export interface ExemplarQueue {
  /** False when the queue is full: the caller counts it as refused. */
  add(exemplar: KeptExemplar): boolean;
  flush(): Promise<void>;
}

/** OpenMetrics: the label names and values of an exemplar, together, in characters. */
export const maxExemplarLabelLength = 128;

export function createExemplarQueue(store: ExemplarStore, capacity = 10_000): ExemplarQueue {
  let queue: KeptExemplar[] = [];
  return {
    add(exemplar) {
      if (queue.length >= capacity) return false;
      queue.push(exemplar);
      return true;
    },
    async flush() {
      if (queue.length === 0) return;
      const flushing = queue;
      queue = [];
      try {
        await store.add(flushing);
      } catch (error) {
        queue = [...flushing, ...queue].slice(-capacity);
        throw error;
      }
    },
  };
}
