import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Journal } from '../../../src/forward/journal/journal.ts';
import { newTally } from '../../../src/forward/meters.ts';
import { Shard, type ShardOptions } from '../../../src/forward/shard.ts';
import { silentLogger, systemClock } from '../../../src/platform/index.ts';
import { batchOf, FakeStore, scratchDirectory } from '../../support/forward.ts';

const options: ShardOptions = {
  batchSamples: 10,
  batchDelayMs: 1,
  queueBytes: 1 << 20,
  maxConcurrentWrites: 1,
  journalMaxBytes: 1 << 20,
  journalOverflow: 'reject',
  confirmAfterMs: 60_000,
  flushIntervalMs: 5,
};

interface Setup {
  shard: Shard;
  store: FakeStore;
  journal: Journal | undefined;
  tally: ReturnType<typeof newTally>;
  accept: (...ids: number[]) => Promise<string[]>;
}

async function setUp(
  changes: Partial<ShardOptions> = {},
  {
    directory,
    segmentBytes = 1 << 20,
    store = new FakeStore(),
  }: { directory?: string; segmentBytes?: number; store?: FakeStore } = {},
): Promise<Setup> {
  const journal =
    directory === undefined
      ? undefined
      : await Journal.open({ directory, fsync: 'off', segmentBytes }, systemClock, silentLogger);
  const tally = newTally();
  const shard = new Shard({
    ...{ name: 'raw', writer: store, tally, clock: systemClock, log: silentLogger },
    options: { ...options, ...changes },
    ...(journal ? { journal } : {}),
  });
  shard.start();
  onTestFinished(() => shard.close());
  const accept = async (...ids: number[]) => {
    const outcomes: string[] = [];
    for (const id of ids) {
      const outcome = await shard.accept(batchOf(id, { pad: 100 }));
      outcomes.push(outcome.kind === 'overloaded' ? outcome.reason : outcome.kind);
    }
    return outcomes;
  };
  return { shard, store, journal, tally, accept };
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const accepted = (n: number) => Array<string>(n).fill('accepted');

/** Waits for what must become true, not for a time. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 5 });

describe('a shard with a journal', () => {
  it('acknowledges from the journal and sends in order', async () => {
    const { store, accept, tally } = await setUp({}, { directory: await scratchDirectory() });
    expect(await accept(...upTo(30))).toEqual(accepted(30));
    await until(() => expect(store.written).toEqual(upTo(30)));
    await until(() => expect(tally.sentSamples).toBe(30));
  });

  it('acknowledges while the store is away, and sends everything once when it is back', async () => {
    const { shard, store, accept } = await setUp({}, { directory: await scratchDirectory() });
    await accept(1);
    await until(() => expect(store.written).toEqual([1]));
    store.life = undefined;
    expect(await accept(...upTo(20).slice(1))).toEqual(accepted(19));
    await until(() => expect(shard.isStoreDown).toBe(true));
    store.life = 'first';
    await until(() => expect(store.written).toEqual(upTo(20)));
    expect(shard.isStoreDown).toBe(false);
  });

  it('sends everything that is not confirmed again when the store has another life', async () => {
    const directory = await scratchDirectory();
    const { shard, store, accept, tally } = await setUp({}, { directory });
    await accept(...upTo(15));
    await until(() => expect(store.written).toEqual(upTo(15)));
    store.life = undefined;
    await accept(16);
    await until(() => expect(shard.isStoreDown).toBe(true));
    store.life = 'second';
    await until(() => expect(store.written).toEqual([...upTo(15), ...upTo(16)]));
    expect(tally.replays).toBe(1);
  });

  it('sends everything again when the store has yet another life while the journal is read', async () => {
    const directory = await scratchDirectory();
    const { store, journal, accept, tally } = await setUp({}, { directory });
    await accept(...upTo(5));
    await until(() => expect(store.written).toEqual(upTo(5)));
    if (!journal) throw new Error('no journal');
    const read = journal.read.bind(journal);
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    vi.spyOn(journal, 'read').mockImplementation(async (position) => {
      await released;
      return read(position);
    });
    for (const [replays, life] of [[1, 'second'] as const, [2, 'third'] as const]) {
      store.life = life;
      store.disconnect();
      await until(() => expect(tally.replays).toBe(replays));
    }
    // The second rewind has asked for the journal by then, and found it being read.
    await new Promise(setImmediate);
    release();
    await until(() => expect(store.written).toEqual([...upTo(5), ...upTo(5)]));
  });

  it('does not send again what was confirmed before', async () => {
    const { store, journal, accept } = await setUp(
      { confirmAfterMs: 0 },
      { directory: await scratchDirectory() },
    );
    await accept(...upTo(15));
    await until(() => expect(journal?.confirmed).toBe(15));
    store.disconnect();
    store.life = 'second';
    await accept(16);
    await until(() => expect(store.written.at(-1)).toBe(16));
    expect(store.written.filter((id) => id <= 15)).toEqual(upTo(15));
  });

  it('takes batches while a node of the store is away, and sends them again when it is back', async () => {
    const { store, journal, tally, accept } = await setUp(
      { confirmAfterMs: 0 },
      { directory: await scratchDirectory() },
    );
    await accept(1);
    await until(() => expect(journal?.confirmed).toBe(1));
    store.life = '1 (away)';
    store.disconnect();
    await until(() => expect(tally.replays).toBe(1));
    expect(await accept(2, 3)).toEqual(accepted(2));
    await until(() => expect(store.written).toEqual([1, 2, 3]));
    store.life = '1 2';
    await until(() => expect(store.written).toEqual([1, 2, 3, 2, 3]));
    await until(() => expect(journal?.confirmed).toBe(3));
  });

  it('takes a store that does not say its life for restarted after every failure', async () => {
    const store = new FakeStore();
    store.life = 'hidden';
    const { shard, accept } = await setUp({}, { directory: await scratchDirectory(), store });
    await accept(1, 2);
    await until(() => expect(store.written).toEqual([1, 2]));
    store.life = undefined;
    await accept(3);
    await until(() => expect(shard.isStoreDown).toBe(true));
    store.life = 'hidden';
    await until(() => expect(store.written).toEqual([1, 2, 1, 2, 3]));
  });

  it('sends what an earlier run left', async () => {
    const directory = await scratchDirectory();
    const first = await setUp({}, { directory });
    first.store.life = undefined;
    await first.accept(...upTo(12));
    await first.shard.close();
    const second = await setUp({}, { directory });
    await until(() => expect(second.store.written).toEqual(upTo(12)));
    await second.accept(13);
    await until(() => expect(second.store.written).toEqual(upTo(13)));
  });

  it('reads back from the journal what memory had no room for, in order and once', async () => {
    const { shard, store, accept } = await setUp(
      { queueBytes: 1_000 },
      { directory: await scratchDirectory() },
    );
    store.life = undefined;
    expect(await accept(...upTo(60))).toEqual(accepted(60));
    await until(() => expect(shard.isStoreDown).toBe(true));
    store.life = 'first';
    await accept(61);
    await until(() => expect(store.written).toEqual(upTo(61)));
    await accept(62);
    await until(() => expect(store.written).toEqual(upTo(62)));
    expect(shard.queueBytes).toBe(0);
  });

  it('goes on after a batch that the store refuses for good, and counts it', async () => {
    const { store, accept, tally } = await setUp(
      { batchSamples: 1 },
      { directory: await scratchDirectory() },
    );
    store.answer = (ids) =>
      ids.includes(2) ? { kind: 'refused', message: 'no' } : { kind: 'written' };
    await accept(1, 2, 3);
    await until(() => expect(store.written).toEqual([1, 3]));
    expect(tally).toMatchObject({ refusedSamples: 1, sentSamples: 2, requests: 3 });
  });

  it('refuses when the journal is full, and loses nothing that it took', async () => {
    const { store, accept } = await setUp(
      { journalMaxBytes: 2_000 },
      { directory: await scratchDirectory(), segmentBytes: 300 },
    );
    store.life = undefined;
    const outcomes = await accept(...upTo(30));
    const taken = outcomes.filter((outcome) => outcome === 'accepted').length;
    expect(taken).toBeGreaterThan(3);
    expect(outcomes).toEqual([
      ...accepted(taken),
      ...Array<string>(30 - taken).fill('journal_full'),
    ]);
    store.life = 'first';
    await until(() => expect(store.written).toEqual(upTo(taken)));
  });

  it('gives up the oldest when told so, counts exactly those, and sends the rest', async () => {
    const { store, tally, accept } = await setUp(
      { journalMaxBytes: 2_000, journalOverflow: 'drop_oldest', queueBytes: 1, batchSamples: 1 },
      { directory: await scratchDirectory(), segmentBytes: 300 },
    );
    store.life = undefined;
    expect(await accept(...upTo(30))).toEqual(accepted(30));
    expect(tally.droppedSamples).toBeGreaterThan(10);
    store.life = 'first';
    await until(() => expect(store.written.at(-1)).toBe(30));
    // What memory held already was sent too, in order: nothing is counted that arrived.
    expect(store.written).toHaveLength(30 - tally.droppedSamples);
    expect(store.written).toEqual([...new Set(store.written)].sort((a, b) => a - b));
  });

  it('makes what was written visible, and only when something was', async () => {
    const { store, accept } = await setUp({}, { directory: await scratchDirectory() });
    await accept(1);
    await until(() => expect(store.visible).toBe(1));
    await accept(2);
    await until(() => expect(store.visible).toBe(2));
  });

  it('drains on stop: everything accepted was answered by the store', async () => {
    const { shard, store, accept } = await setUp(
      { batchDelayMs: 60_000 },
      { directory: await scratchDirectory() },
    );
    store.answer = async () => {
      await new Promise(setImmediate);
      return { kind: 'written' };
    };
    await accept(...upTo(25));
    await shard.drain(new AbortController().signal);
    expect(store.written).toEqual(upTo(25));
    expect(await accept(26)).toEqual(['stopping']);
  });

  it('stops draining when its time is over, and keeps the rest for the next run', async () => {
    const directory = await scratchDirectory();
    const { shard, store, accept } = await setUp({}, { directory });
    store.life = undefined;
    await accept(1, 2);
    await shard.drain(AbortSignal.abort());
    await shard.close();
    const next = await setUp({}, { directory });
    await until(() => expect(next.store.written).toEqual([1, 2]));
  });
});

describe('a shard without a journal', () => {
  it('answers what the store answers', async () => {
    const { store, accept } = await setUp({ batchSamples: 1 });
    store.answer = (ids) =>
      ids.includes(2) ? { kind: 'refused', message: 'no' } : { kind: 'written' };
    expect(await accept(1, 2, 3)).toEqual(['accepted', 'refused', 'accepted']);
  });

  it('refuses what waits when the store goes away, and takes batches when it is back', async () => {
    const { shard, store, accept } = await setUp({ batchSamples: 1 });
    await accept(1);
    store.life = undefined;
    const waiting = await Promise.all([2, 3, 4].map((id) => accept(id)));
    expect(waiting.flat()).toEqual(Array<string>(3).fill('storage_down'));
    expect(await accept(5)).toEqual(['storage_down']);
    expect(shard.queueBytes).toBe(0);
    store.life = 'first';
    await until(() => expect(shard.isStoreDown).toBe(false));
    expect(await accept(6)).toEqual(['accepted']);
    expect(store.written).toEqual([1, 6]);
  });

  it('bounds what waits, also after failures with requests under way', async () => {
    const { shard, store, accept } = await setUp({
      batchSamples: 1,
      maxConcurrentWrites: 2,
      queueBytes: 400,
    });
    for (let round = 0; round < 3; round += 1) {
      const waits: (() => void)[] = [];
      store.answer = (ids) =>
        ids[0] === 1
          ? { kind: 'failed', message: 'away' }
          : new Promise((resolve) => waits.push(() => resolve({ kind: 'written' })));
      const [underWay, failing] = [accept(2), accept(1)];
      await until(() => expect(waits).toHaveLength(1));
      expect(await failing).toEqual(['storage_down']);
      for (const go of waits) go();
      expect(await underWay).toEqual(['accepted']);
      expect(shard.queueBytes).toBe(0);
      await until(() => expect(shard.isStoreDown).toBe(false));
    }
    store.answer = () => new Promise(() => undefined);
    const waiting = [accept(3), accept(4), accept(5), accept(6)];
    expect(await Promise.race(waiting)).toEqual(['queue_full']);
  });
});
