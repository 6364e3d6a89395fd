import { describe, expect, it } from 'vitest';
import { together } from '../../../../src/storage/postgres/together.ts';

/** Runs that wait until they are let on. */
function createRuns(judge: (item: number) => void = () => undefined) {
  const runs: { tenantId: string; items: readonly number[]; goOn: () => void }[] = [];
  const add = together<number, number>(async (tenantId, items) => {
    await new Promise<void>((goOn) => runs.push({ tenantId, items, goOn }));
    for (const item of items) judge(item);
    return items.map((item) => item * 10);
  });
  const until = async (count: number): Promise<void> => {
    while (runs.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { runs, add, until };
}

const refused = (message: string, code: string): Error =>
  Object.assign(new Error(message), { code });

describe('work that is done together', () => {
  it('does the first at once, and what comes meanwhile next, each with its own answer', async () => {
    const { runs, add, until } = createRuns();
    const first = add('a', 1);
    await until(1);
    const others = [add('a', 2), add('a', 3)];
    runs[0]!.goOn();
    await expect(first).resolves.toBe(10);
    await until(2);
    runs[1]!.goOn();
    await expect(Promise.all(others)).resolves.toEqual([20, 30]);
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3]]);
  });

  it('is of one tenant, and none waits for another', async () => {
    const { runs, add, until } = createRuns();
    const answers = [add('a', 1), add('b', 2)];
    await until(2);
    expect(runs.map(({ tenantId, items }) => [tenantId, ...items])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    for (const { goOn } of runs) goOn();
    await expect(Promise.all(answers)).resolves.toEqual([10, 20]);
  });

  it('lets an item that is refused fail alone', async () => {
    const { runs, add, until } = createRuns((item) => {
      if (item === 3) throw refused('no', '22P05');
    });
    const answers = [1, 2, 3, 4].map((item) => add('a', item));
    const settled = Promise.allSettled(answers);
    // The first, the others together, then each of them.
    for (let at = 1; at <= 5; at += 1) {
      await until(at);
      runs[at - 1]!.goOn();
    }
    expect((await settled).map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    ]);
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [2], [3], [4]]);
  });

  it('keeps nobody waiting for a database that is away, and goes on once it is back', async () => {
    let isAway = true;
    const { runs, add, until } = createRuns(() => {
      if (isAway) throw refused('connect', 'ECONNREFUSED');
    });
    const first = add('a', 1);
    await until(1);
    const settled = Promise.allSettled([first, add('a', 2), add('a', 3)]);
    runs[0]!.goOn();
    expect((await settled).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    expect(runs).toHaveLength(1);
    isAway = false;
    const again = add('a', 4);
    await until(2);
    runs[1]!.goOn();
    await expect(again).resolves.toBe(40);
  });

  it('is cut where it is much', async () => {
    const { runs, add, until } = createRuns();
    const answers = Array.from({ length: 502 }, (_, item) => add('a', item));
    for (let at = 1; at <= 3; at += 1) {
      await until(at);
      runs[at - 1]!.goOn();
    }
    await expect(Promise.all(answers)).resolves.toHaveLength(502);
    expect(runs.map(({ items }) => items.length)).toEqual([1, 500, 1]);
  });
});
