import type { Label } from '../wire/index.ts';
import type { Batch, ForwardOutcome } from './batch.ts';
import { decodedBytes, mergeBlocks } from './merge.ts';

/** A batch with its place in the order of acceptance. */
export interface Entry {
  seq: number;
  batch: Batch;
  /** Answers the sender where there is no journal to answer for it. */
  settle?: (outcome: ForwardOutcome) => void;
}

/** Entries with the same forced labels, sent as one request. */
export interface Group {
  labels: readonly Label[];
  entries: readonly Entry[];
  samples: number;
}

export interface LaneOptions {
  /** A group is full with so many samples; one larger batch goes alone or with what waits. */
  batchSamples: number;
  /** How long a batch may wait for company. */
  batchDelayMs: number;
}

/** VictoriaMetrics takes up to 32 MiB; far below it keeps one request short. */
const maxGroupBytes = 4 * 1024 * 1024;

interface Lane {
  labels: readonly Label[];
  entries: Entry[];
  samples: number;
  bytes: number;
}

/** Micro-batching: one lane per set of forced labels, since those travel in the URL of a request. */
export class Lanes {
  private readonly options: LaneOptions;
  private readonly onReady: (group: Group) => void;
  private readonly lanes = new Map<string, Lane>();
  private timer: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions, onReady: (group: Group) => void) {
    this.options = options;
    this.onReady = onReady;
  }

  get isEmpty(): boolean {
    return this.lanes.size === 0;
  }

  add(entry: Entry): void {
    const key = keyOf(entry.batch.labels);
    const size = decodedBytes(entry.batch.body);
    let lane = this.lanes.get(key);
    if (lane && lane.bytes + size > maxGroupBytes) {
      this.release(key, lane);
      lane = undefined;
    }
    if (!lane) {
      lane = { labels: entry.batch.labels, entries: [], samples: 0, bytes: 0 };
      this.lanes.set(key, lane);
    }
    lane.entries.push(entry);
    lane.samples += entry.batch.samples;
    lane.bytes += size;
    if (lane.samples >= this.options.batchSamples) this.release(key, lane);
    else this.timer ??= setTimeout(() => this.flush(), this.options.batchDelayMs);
  }

  /** Hands over everything that waits. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const [key, lane] of this.lanes) this.release(key, lane);
  }

  /** Forgets everything that waits. */
  clear(): Entry[] {
    clearTimeout(this.timer);
    this.timer = undefined;
    const waiting = [...this.lanes.values()].flatMap((lane) => lane.entries);
    this.lanes.clear();
    return waiting;
  }

  private release(key: string, lane: Lane): void {
    this.lanes.delete(key);
    this.onReady(lane);
  }
}

export function bodyOf(group: Group): Buffer {
  return mergeBlocks(group.entries.map((entry) => entry.batch.body));
}

function keyOf(labels: readonly Label[]): string {
  let key = '';
  for (const [name, value] of labels) key += `${name}\0${value}\0`;
  return key;
}
