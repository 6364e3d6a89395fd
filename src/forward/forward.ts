import { join } from 'node:path';
import type { Clock, Logger, Meters } from '../platform/index.ts';
import type { Accept } from './batch.ts';
import { Journal } from './journal/journal.ts';
import { newTally, registerForwardMeters, type ShardTally } from './meters.ts';
import type { SeriesWriter } from './series-writer.ts';
import { Shard, type ShardOptions } from './shard.ts';

export interface ShardTarget {
  /** Names the shard in metrics, logs and the journal's folder. */
  name: string;
  /** Values of the sharding tag that go there; the first target takes everything else. */
  tags: readonly string[];
  writer: SeriesWriter;
}

export interface ForwardConfig extends ShardOptions {
  /** Absent where the gateway must be stateless. */
  journal?: { directory: string; fsync: 'group' | 'off' };
}

interface ForwardDeps {
  config: ForwardConfig;
  targets: readonly ShardTarget[];
  clock: Clock;
  log: Logger;
  meters: Meters;
}

export interface Forward {
  accept: Accept;
  /** Shards whose store does not take samples at this moment. */
  down(): string[];
  /** Whether there is room: false while a journal is full or its disk refuses it. */
  takes(): boolean;
  /** Stops accepting, sends what waits until the signal aborts, closes the journals. */
  stop(signal: AbortSignal): Promise<void>;
}

/** Opens the journals, starts sending what an earlier run left, then takes batches. */
export async function createForward(deps: ForwardDeps): Promise<Forward> {
  const { config, targets, clock, log, meters } = deps;
  const shards: { shard: Shard; tally: ShardTally; tags: readonly string[] }[] = [];
  for (const { name, tags, writer } of targets) {
    const tally = newTally();
    const journal = config.journal && (await openJournal(config.journal, name, deps));
    const shard = new Shard({
      ...{ name, writer, tally, clock, log, options: config },
      ...(journal ? { journal } : {}),
    });
    shards.push({ shard, tally, tags });
  }
  const [first] = shards;
  if (!first) throw new Error('forward needs at least one target');
  const byTag = new Map(shards.flatMap(({ shard, tags }) => tags.map((tag) => [tag, shard])));
  registerForwardMeters(meters, { shards, limits: config, nowMs: () => clock.nowMs() });
  for (const { shard } of shards) shard.start();
  return {
    accept: (batch) => (byTag.get(batch.shardTag ?? '') ?? first.shard).accept(batch),
    down: () => shards.filter(({ shard }) => shard.isStoreDown).map(({ shard }) => shard.name),
    takes: () => shards.every(({ shard }) => shard.takes),
    async stop(signal) {
      await Promise.all(shards.map(({ shard }) => shard.drain(signal)));
      for (const { shard } of shards) await shard.close();
    },
  };
}

const largestSegmentBytes = 16 * 1024 * 1024;

function openJournal(
  options: NonNullable<ForwardConfig['journal']>,
  shard: string,
  { clock, log, config }: ForwardDeps,
): Promise<Journal> {
  // A full journal gives up or frees whole segments, so a small one needs small ones.
  const segmentBytes = Math.min(largestSegmentBytes, Math.ceil(config.journalMaxBytes / 16));
  const directory = join(options.directory, shard);
  return Journal.open({ ...options, directory, segmentBytes }, clock, log);
}
