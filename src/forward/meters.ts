import type { Meters } from '../platform/index.ts';
import type { Journal } from './journal/journal.ts';

/** Plain numbers that a shard adds to; they become metrics when somebody scrapes. */
export interface ShardTally {
  sentSamples: number;
  requests: number;
  retries: number;
  replays: number;
  /** Samples that the store will never take. */
  refusedSamples: number;
  /** Acknowledged samples given up because the journal was full (`drop_oldest` only). */
  droppedSamples: number;
}

/** What scrapes see of a shard. */
interface MeteredShard {
  readonly name: string;
  readonly queueBytes: number;
  readonly isStoreDown: boolean;
  readonly journal: Pick<Journal, 'bytes' | 'damaged' | 'oldestAtMs'> | undefined;
}

interface Metered {
  shards: readonly { shard: MeteredShard; tally: ShardTally }[];
  limits: { queueBytes: number; journalMaxBytes: number };
  nowMs: () => number;
}

export const newTally = (): ShardTally => ({
  sentSamples: 0,
  requests: 0,
  retries: 0,
  replays: 0,
  refusedSamples: 0,
  droppedSamples: 0,
});

const counters: readonly [key: keyof ShardTally, name: string, help: string][] = [
  ['sentSamples', 'gaugeway_forward_sent_samples_total', 'Samples that storage acknowledged.'],
  ['requests', 'gaugeway_forward_requests_total', 'Write requests that storage answered.'],
  ['retries', 'gaugeway_forward_retries_total', 'Attempts to reach storage again.'],
  ['replays', 'gaugeway_forward_replays_total', 'Restarts of storage answered by sending again.'],
  [
    'refusedSamples',
    'gaugeway_forward_refused_samples_total',
    'Samples that storage refused for good.',
  ],
  [
    'droppedSamples',
    'gaugeway_forward_dropped_samples_total',
    'Acknowledged samples given up because the journal was full.',
  ],
];

export function registerForwardMeters(meters: Meters, { shards, limits, nowMs }: Metered): void {
  for (const [key, name, help] of counters) {
    const counter = meters.counter({
      name,
      help,
      labelNames: ['shard'],
      collect: () => {
        counter.reset();
        for (const { shard, tally } of shards) counter.inc({ shard: shard.name }, tally[key]);
      },
    });
  }
  const gauge = (name: string, help: string, read: (shard: MeteredShard) => number) => {
    const metric = meters.gauge({
      name,
      help,
      labelNames: ['shard'],
      collect: () => {
        for (const { shard } of shards) metric.set({ shard: shard.name }, read(shard));
      },
    });
  };
  gauge('gaugeway_forward_queue_bytes', 'Bodies waiting in memory.', (shard) => shard.queueBytes);
  gauge('gaugeway_forward_storage_up', '1 while storage takes samples.', (shard) =>
    shard.isStoreDown ? 0 : 1,
  );
  gauge('gaugeway_forward_queue_limit_bytes', 'What the queue may hold.', () => limits.queueBytes);
  gauge('gaugeway_forward_journal_bytes', 'Journal on disk.', (shard) => shard.journal?.bytes ?? 0);
  gauge('gaugeway_forward_journal_limit_bytes', 'What the journal may take.', () => {
    return limits.journalMaxBytes;
  });
  gauge(
    'gaugeway_forward_journal_damaged_records',
    'Unreadable places found at start.',
    (shard) => shard.journal?.damaged ?? 0,
  );
  gauge('gaugeway_forward_journal_age_seconds', 'Age of the oldest batch kept.', (shard) => {
    const oldest = shard.journal?.oldestAtMs;
    return oldest === undefined ? 0 : Math.max(0, (nowMs() - oldest) / 1000);
  });
}
