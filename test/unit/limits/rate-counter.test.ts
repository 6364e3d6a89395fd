import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRateCounter,
  type RateWindowStore,
  type Spending,
} from '../../../src/limits/index.ts';
import { createMeters, silentLogger } from '../../../src/platform/index.ts';

/** Counts as the table does, an answer at a time. */
function setUp() {
  let nowMs = 1_000_000;
  let isAway = false;
  const windows = new Map<string, { spent: number; startedAtMs: number }>();
  const statements: (readonly Spending[])[] = [];
  const store: RateWindowStore = {
    async spend(spendings, atMs) {
      await Promise.resolve();
      if (isAway) throw new Error('away');
      statements.push(spendings);
      return spendings.map(({ key, count }) => {
        const held = windows.get(key);
        const isOver = !held || atMs - held.startedAtMs >= 60_000;
        const next = isOver
          ? { spent: count, startedAtMs: atMs }
          : { ...held, spent: held.spent + count };
        windows.set(key, next);
        return next;
      });
    },
    purge: () => Promise.resolve(0),
  };
  const meters = createMeters();
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const counter = createRateCounter({ store, clock, log: silentLogger, meters });
  return {
    ...{ counter, meters, statements, windows },
    pass: (ms: number) => (nowMs += ms),
    setAway: (away: boolean) => (isAway = away),
  };
}

describe('the count of a minute', () => {
  it('gives each of many at once a place of its own, and asks Postgres once for those who wait', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 200 }),
        async (keys) => {
          const { counter, statements } = setUp();
          const spent = await Promise.all(keys.map((key) => counter.spend(key, 1_000)));
          for (const one of ['a', 'b', 'c']) {
            const places = spent.filter((_, i) => keys[i] === one).map(({ place }) => place);
            expect(places.sort((x, y) => x - y)).toEqual(places.map((_, i) => i + 1));
          }
          // The first goes alone, all that came meanwhile go together.
          expect(statements.length).toBeLessThanOrEqual(2);
        },
      ),
    );
  });

  it('begins anew a minute after its first request, not after its last', async () => {
    const { counter, pass } = setUp();
    expect(await counter.spend('a', 3)).toEqual({ place: 1, endsAtMs: 1_060_000 });
    pass(59_999);
    expect((await counter.spend('a', 3)).place).toBe(2);
    pass(1);
    expect(await counter.spend('a', 3)).toEqual({ place: 1, endsAtMs: 1_120_000 });
  });

  it('refuses without a statement where the allowance is known to be spent', async () => {
    const { counter, statements } = setUp();
    for (let i = 0; i < 3; i++) await counter.spend('a', 3);
    const before = statements.length;
    expect((await counter.spend('a', 3)).place).toBe(4);
    expect(statements.length).toBe(before);
  });

  it('goes on alone from what it knows while Postgres is away, and counts that', async () => {
    const { counter, meters, setAway } = setUp();
    await counter.spend('a', 10);
    setAway(true);
    expect((await counter.spend('a', 10)).place).toBe(2);
    expect((await counter.spend('a', 10)).place).toBe(3);
    expect(await meters.text()).toContain('gaugeway_limits_counted_alone_total 2');
    setAway(false);
    expect((await counter.spend('a', 10)).place).toBe(2);
  });
});
