import { describe, expect, it, vi } from 'vitest';
import { createMeters, silentLogger } from '../../../src/platform/index.ts';
import { createRemovalWorker } from '../../../src/tenants/removal-worker.ts';
import type {
  Removal,
  RemovalStore,
  TenantFiles,
  TenantSeries,
} from '../../../src/tenants/removal.ts';

const order: Removal = {
  ...{ id: 'r', tenantId: 'acme', requestedBy: 'root', requestedAtMs: 0, status: 'waiting' },
  ...{ step: 'waiting', series: 0, seriesLeft: null, files: 0, rows: {}, error: null },
  ...{ finishedAtMs: null, verifiedAtMs: null },
};

interface Parts {
  rows?: Record<string, number>;
  /** Answers of `count`, one after the other; the last one stays. */
  counts?: number[];
  isThere?: boolean;
  /** Calls after which another worker has the order. */
  lostAfter?: number;
  finished?: Removal;
}

function setUp({ counts = [0], isThere = false, ...parts }: Parts) {
  const done: string[] = [];
  const rows = new Map(Object.entries(parts.rows ?? { hosts: 3, users: 2 }));
  let calls = 0;
  const isHeld = () => (calls += 1) <= (parts.lostAfter ?? Infinity);
  const store: RemovalStore = {
    insert: () => Promise.resolve(true),
    find: () => Promise.resolve(undefined),
    claim: () => Promise.resolve(parts.finished ? undefined : order),
    note: (_held, { step }) => {
      if (step) done.push(step);
      return Promise.resolve(isHeld());
    },
    tables: () => Promise.resolve([...rows.keys()]),
    removeRows(_removal, table, { limit }) {
      if (!isHeld()) return Promise.resolve(undefined);
      const removed = Math.min(limit, rows.get(table) ?? 0);
      rows.set(table, (rows.get(table) ?? 0) - removed);
      return Promise.resolve(removed);
    },
    finish: () => Promise.resolve(Boolean(done.push('finished'))),
    fail: (_held, error) => Promise.resolve(void done.push(`failed: ${error}`)),
    claimCheck: () => Promise.resolve(parts.finished),
    noteCheck: (_id, { seriesLeft }) => Promise.resolve(void done.push(`left ${seriesLeft}`)),
  };
  const remove = vi.fn(() => Promise.resolve());
  const series: TenantSeries = {
    count: () => Promise.resolve(counts.length > 1 ? (counts.shift() ?? 0) : (counts[0] ?? 0)),
    isThere: () => Promise.resolve(isThere),
    remove,
  };
  const files: TenantFiles = { removeOf: () => Promise.resolve(4) };
  const worker = createRemovalWorker({
    ...{ store, series, files, holder: 'me', settleMs: 0, lookMs: 1 },
    clock: { nowMs: () => 1e12, monotonicMs: () => 0 },
    ...{ log: silentLogger, meters: createMeters() },
  });
  return { worker, done, rows, remove };
}

describe('the deletion of a tenant', () => {
  it('removes series, files and every row, counts again, and is done', async () => {
    const { worker, done, rows } = setUp({ rows: { hosts: 4_500, users: 1 }, counts: [7, 0] });
    expect(await worker.look()).toBe(true);
    expect(done).toEqual(['series', 'files', 'rows', 'proof', 'finished']);
    expect([...rows.values()]).toEqual([0, 0]);
  });

  it.each<[string, Parts]>([
    ['a current series', { counts: [7, 1] }],
    ['an old series', { counts: [0], isThere: true }],
  ])('is not done while storage has %s', async (_what, parts) => {
    const { worker, done } = setUp(parts);
    await worker.look();
    expect(done).not.toContain('finished');
    expect(done.at(-1)).toContain('failed: storage still has 1 series');
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'ends nothing once another worker has it, at call %i',
    async (lostAfter) => {
      const { worker, done } = setUp({ lostAfter: lostAfter - 1 });
      await worker.look();
      expect(done).not.toContain('finished');
    },
  );

  it('is looked at again after its end: what came late goes too', async () => {
    const { worker, done, remove } = setUp({ finished: order, counts: [2, 0] });
    expect(await worker.look()).toBe(true);
    expect(remove).toHaveBeenCalledWith('acme');
    expect(done).toEqual(['left 0']);
  });
});
