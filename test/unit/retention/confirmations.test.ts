import { describe, expect, it } from 'vitest';
import { createConfirmations, type WrittenSlice } from '../../../src/retention/confirmations.ts';
import type { TierStore } from '../../../src/retention/ports.ts';

function setUp() {
  const state = { nowMs: 0, life: 'one' as string | undefined, done: [] as number[] };
  const store: TierStore = {
    write: () => Promise.resolve(undefined),
    flush: () => Promise.resolve(),
    life: () => Promise.resolve(state.life),
  };
  const confirmations = createConfirmations({
    stores: new Map([['1m', store]]),
    done: ({ startMs }) => Promise.resolve(void state.done.push(startMs)),
    afterMs: 30_000,
    clock: { nowMs: () => state.nowMs, monotonicMs: () => state.nowMs },
  });
  const written = (startMs: number, life: string | undefined = 'one'): WrittenSlice => ({
    ...{ tenantId: 'a', tier: '1m', startMs, version: 0, askedMs: null },
    ...{ samples: 1, checkMs: null, life },
  });
  return { state, confirmations, written };
}

describe('a written slice', () => {
  it('is done when its tier lives the same life some time later', async () => {
    const { state, confirmations, written } = setUp();
    confirmations.add(written(1));
    state.nowMs = 29_999;
    expect(await confirmations.settle()).toEqual([]);
    expect(state.done).toEqual([]);
    state.nowMs = 30_000;
    await confirmations.settle();
    expect(state.done).toEqual([1]);
    expect(confirmations.size).toBe(0);
  });

  it('is lost, with all behind it, when the tier lives another', async () => {
    const { state, confirmations, written } = setUp();
    confirmations.add(written(1));
    confirmations.add({ ...written(2), life: undefined });
    Object.assign(state, { nowMs: 30_000, life: 'two' });
    expect((await confirmations.settle()).map(({ startMs }) => startMs)).toEqual([1, 2]);
    expect(state.done).toEqual([]);
    expect(confirmations.size).toBe(0);
  });

  it('waits while the tier does not answer', async () => {
    const { state, confirmations, written } = setUp();
    confirmations.add(written(1));
    Object.assign(state, { nowMs: 60_000, life: undefined });
    expect(await confirmations.settle()).toEqual([]);
    expect(confirmations.size).toBe(1);
  });

  it('without samples is done at once, in its turn', async () => {
    const { state, confirmations, written } = setUp();
    confirmations.add({ ...written(1), life: undefined });
    confirmations.add(written(2));
    confirmations.add({ ...written(3), life: undefined });
    await confirmations.settle();
    expect(state.done).toEqual([1]);
  });
});
