import type { Across } from './spread/spread.ts';

/** The reads that storage offers; each is one fixed path. */
export type StorageRead =
  | {
      endpoint: 'query' | 'query_range';
      /** Where several storages share the series; without it they cannot be asked. */
      across?: Across;
    }
  | { endpoint: 'series' | 'labels' | 'status/tsdb' }
  | { endpoint: 'label_values'; label: string };

export type ReadFailure =
  /** Storage refuses the question: not the client's syntax, but its content. */
  | { ok: false; reason: 'refused'; message: string }
  | { ok: false; reason: 'timeout' | 'canceled' | 'unavailable' | 'too-large'; message: string };

export type ReadOutcome = { ok: true; body: Buffer } | ReadFailure;

export interface ReadOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Port: one question to storage in the name of one tenant. Implemented in storage/victoria. */
export interface SeriesReader {
  read(read: StorageRead, args: URLSearchParams, options: ReadOptions): Promise<ReadOutcome>;
}
