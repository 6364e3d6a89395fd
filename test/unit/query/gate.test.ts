import { describe, expect, it } from 'vitest';
import { createGate } from '../../../src/query/gate.ts';

/** Tasks that end when they are told to, in the order they began. */
function tasks() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    task: (name: string) => () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    },
    end: async (name: string) => {
      ends.get(name)?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('the gate', () => {
  it('runs no more than a tenant may, and lets tenants take turns', async () => {
    const gate = createGate({ total: 2, perTenant: 2, waitingPerTenant: 10 });
    const { begun, task, end } = tasks();
    const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2'].map((name) =>
      gate.run(name.slice(0, 1), task(name)),
    );
    expect(begun).toEqual(['a1', 'a2']);
    await end('a1');
    await end('a2');
    await end('a3');
    await end('b1');
    await end('a4');
    await end('b2');
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'a4', 'b2']);
    expect((await Promise.all(all)).every((outcome) => outcome.admitted)).toBe(true);
  });

  it('leaves room for others while one tenant waits for itself', async () => {
    const gate = createGate({ total: 10, perTenant: 1, waitingPerTenant: 10 });
    const { begun, task, end } = tasks();
    const all = [gate.run('a', task('a1')), gate.run('a', task('a2')), gate.run('b', task('b1'))];
    expect(begun).toEqual(['a1', 'b1']);
    await end('b1');
    expect(begun).toEqual(['a1', 'b1']);
    await end('a1');
    await end('a2');
    await Promise.all(all);
  });

  it('refuses what is too much to wait, and goes on after a task that failed', async () => {
    const gate = createGate({ total: 1, perTenant: 1, waitingPerTenant: 1 });
    const { task, end } = tasks();
    const first = gate.run('a', task('a1'));
    const second = gate.run('a', () => Promise.reject(new Error('bug')));
    expect(await gate.run('a', task('a3'))).toEqual({ admitted: false });
    const failed = expect(second).rejects.toThrow('bug');
    await end('a1');
    await failed;
    await first;
    expect(await gate.run('a', () => Promise.resolve(5))).toEqual({ admitted: true, value: 5 });
  });
});
