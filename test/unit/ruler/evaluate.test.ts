import { describe, expect, it, vi } from 'vitest';
import { parseRules } from '../../../src/rules/index.ts';
import { evaluateGroup, type GroupState } from '../../../src/ruler/evaluate.ts';
import { toRuleSet } from '../../../src/ruler/rule-set.ts';

const { groups } = parseRules(
  `groups:
- name: g
  rules:
  - {record: 'job:up:sum', expr: sum by (job) (up)}
  - {alert: Down, expr: up == 0}
`,
  'a.yaml',
);
const set = toRuleSet('default', groups[0]!, { intervalMs: 30_000, queryOffsetMs: 0 });

interface Row {
  name: string;
  isThere: boolean;
}

let slotMs = 0;

/** One evaluation, the answers of storage being whole or a part. */
async function evaluate(state: GroupState, { job, isPartial }: { job: Row[]; isPartial: boolean }) {
  slotMs += 30_000;
  const write = vi.fn(() => Promise.resolve());
  const rows = job
    .filter(({ isThere }) => isThere)
    .map(({ name }) => ({ labels: new Map([['job', name]]), value: 0 }));
  const outcomes = await evaluateGroup(set, state, slotMs, {
    ...{ write, externalLabels: new Map(), externalUrl: '', monotonicMs: () => 0 },
    ask: () => Promise.resolve({ ok: true, rows, isPartial }),
  });
  return {
    outcomes,
    write,
    state: new Map(outcomes.map(({ key, after }) => [key, after])),
  };
}

const both = [
  { name: 'a', isThere: true },
  { name: 'b', isThere: true },
];
const one = [
  { name: 'a', isThere: true },
  { name: 'b', isThere: false },
];

describe('of a part of what storage has', () => {
  it('nothing is recorded, and the rule says why', async () => {
    const before = await evaluate(new Map(), { job: both, isPartial: false });
    const after = await evaluate(before.state, { job: one, isPartial: true });
    expect(after.outcomes[0]).toMatchObject({ isPartial: true, error: expect.any(String) });
    expect(after.outcomes[0]?.after).toEqual(before.outcomes[0]?.after);
  });

  it('no alert is resolved', async () => {
    const before = await evaluate(new Map(), { job: both, isPartial: false });
    const states = async (isPartial: boolean) => {
      let last = before;
      for (let i = 0; i < 4; i += 1) last = await evaluate(last.state, { job: one, isPartial });
      return [...(last.outcomes[1]?.after.instances.values() ?? [])].map(({ state }) => state);
    };
    expect((await states(true)).sort()).toEqual(['firing', 'firing']);
    expect((await states(false)).sort()).toEqual(['firing', 'resolved']);
  });
});
