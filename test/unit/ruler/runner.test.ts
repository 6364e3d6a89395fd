import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMeters, silentLogger, systemClock } from '../../../src/platform/index.ts';
import { createRulerMeters } from '../../../src/ruler/meters.ts';
import type { CommitOutcome, RulerStore } from '../../../src/ruler/index.ts';
import type { RuleSet } from '../../../src/ruler/rule-set.ts';
import { GroupRunner, type RunnerDeps } from '../../../src/ruler/runner.ts';

const lease = { tenantId: 'default', groupKey: 'f;g', epoch: '1', lastSlotMs: undefined };

const set: RuleSet = {
  ...{ tenantId: 'default', key: 'f;g', file: 'f', name: 'g', queryOffsetMs: 0, rules: [] },
  ...{ rhythm: { intervalMs: 20, phaseMs: 0 }, isIndependent: true },
};

let runner: GroupRunner | undefined;

afterEach(() => runner?.stop());

function start(commit: (nth: number) => Promise<CommitOutcome>) {
  let commits = 0;
  const load = vi.fn(() => Promise.resolve({ instances: [], incidents: [] }));
  const store = {
    load,
    touched: () => Promise.resolve({ nowMs: 0, incidents: [], silences: [] }),
    commit: () => commit((commits += 1)),
  } as unknown as RulerStore;
  const counts = () => ({ groups: 0, pending: 0, firing: 0, badFiles: 0 });
  const deps: RunnerDeps = {
    ...{ store, ask: () => Promise.reject(new Error('no rules')), log: silentLogger },
    ...{ write: () => Promise.resolve(true), channelsOf: () => [], newId: () => 'id' },
    terms: { repeatMs: 0, outageToleranceMs: 0, externalLabels: new Map(), externalUrl: '' },
    ...{ nowMs: Date.now, clock: systemClock, meters: createRulerMeters(createMeters(), counts) },
  };
  runner = new GroupRunner(lease, set, deps);
  return { load, commits: () => commits };
}

describe('GroupRunner', () => {
  it('reads its rows once, and again after a commit whose fate is not known', async () => {
    const { load, commits } = start((nth) =>
      nth === 3 ? Promise.reject(new Error('connection lost')) : Promise.resolve('committed'),
    );
    await vi.waitFor(() => expect(commits()).toBeGreaterThan(2));
    await vi.waitFor(() => expect(commits()).toBeGreaterThan(5));
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('ends where another ruler has the group', async () => {
    const { commits } = start((nth) => Promise.resolve(nth === 2 ? 'fenced' : 'committed'));
    await vi.waitFor(() => expect(commits()).toBe(2));
    // Three slots in which nothing may come.
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(commits()).toBe(2);
  });
});
