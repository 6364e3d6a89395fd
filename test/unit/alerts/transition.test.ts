import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bridgeGap,
  labelKey,
  resolvedRetentionMs,
  transition,
  type AlertElement,
  type AlertTerms,
  type Evaluation,
  type Instances,
} from '../../../src/alerts/index.ts';

const intervalMs = 30_000;
const minute = 60_000;
const prometheus: AlertTerms = {
  forMs: 0,
  keepFiringForMs: 0,
  limit: 0,
  resolveAfter: 1,
  onNoData: 'resolve',
};
const none: Instances = new Map();

function element(name: string, value = 1): AlertElement {
  return {
    labels: new Map([
      ['alertname', 'A'],
      ['host', name],
    ]),
    annotations: new Map(),
    value,
  };
}

const keyOf = (name: string): string => labelKey(element(name).labels);

function answer(atMs: number, names: readonly string[]): Evaluation {
  return { kind: 'answer', atMs, elements: names.map((name) => element(name)) };
}

/** Evaluates every interval from time zero and tells the state of host `a` after each. */
function trace(ticks: readonly (boolean | 'error')[], terms: Partial<AlertTerms>): string[] {
  let instances = none;
  return ticks.map((tick, index) => {
    const atMs = index * intervalMs;
    const evaluation: Evaluation =
      tick === 'error' ? { kind: 'error', atMs, message: 'down' } : answer(atMs, tick ? ['a'] : []);
    ({ instances } = transition(instances, evaluation, { ...prometheus, ...terms }));
    return instances.get(keyOf('a'))?.state ?? 'none';
  });
}

describe('an alert', () => {
  it('without a hold fires at its first evaluation', () => {
    expect(trace([true], {})).toEqual(['firing']);
  });

  it('with a hold shorter than the interval still needs a second evaluation', () => {
    expect(trace([true, true], { forMs: 1000 })).toEqual(['pending', 'firing']);
  });

  it('fires at the evaluation at which it has held long enough', () => {
    expect(trace([true, true, true], { forMs: minute })).toEqual(['pending', 'pending', 'firing']);
  });

  it('that is gone once while pending starts over', () => {
    expect(trace([true, true, false, true, true, true], { forMs: minute })).toEqual([
      'pending',
      'pending',
      'none',
      'pending',
      'pending',
      'firing',
    ]);
  });

  it('keeps the time of its hold through an evaluation that failed', () => {
    expect(trace([true, 'error', true], { forMs: minute })).toEqual([
      'pending',
      'pending',
      'firing',
    ]);
  });

  it('is never resolved by evaluations that failed', () => {
    expect(trace([true, 'error', 'error', 'error'], {}).at(-1)).toBe('firing');
  });

  it('resolves at the second clean evaluation in a row where that is asked for', () => {
    expect(trace([true, false, true, false, 'error', false], { resolveAfter: 2 })).toEqual([
      'firing',
      'firing',
      'firing',
      'firing',
      'firing',
      'resolved',
    ]);
  });

  it('resolved after two clean evaluations is resolved as with keep_firing_for of one interval', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (ticks) => {
        expect(trace(ticks, { resolveAfter: 2 })).toEqual(
          trace(ticks, { keepFiringForMs: intervalMs }),
        );
      }),
    );
  });

  it('is kept 15 minutes after it resolved, then forgotten', () => {
    const fired = transition(none, answer(0, ['a']), prometheus).instances;
    const resolved = transition(fired, answer(minute, []), prometheus).instances;
    const at = (ms: number): Instances =>
      transition(resolved, answer(minute + ms, []), prometheus).instances;
    expect(at(resolvedRetentionMs).size).toBe(1);
    expect(at(resolvedRetentionMs + 1).size).toBe(0);
  });

  it('that comes back after it resolved is a new one', () => {
    const terms = { ...prometheus, forMs: minute };
    let instances = none;
    for (const [ms, there] of [
      [0, true],
      [minute, true],
      [2 * minute, false],
      [3 * minute, true],
    ] as const) {
      ({ instances } = transition(instances, answer(ms, there ? ['a'] : []), terms));
    }
    expect(instances.get(keyOf('a'))).toMatchObject({ state: 'pending', activeAtMs: 3 * minute });
  });

  it('goes back to pending where its hold is raised beyond what it held', () => {
    const fired = transition(none, answer(0, ['a']), prometheus).instances;
    const { instances, changes } = transition(fired, answer(minute, ['a']), {
      ...prometheus,
      forMs: 5 * minute,
    });
    expect(instances.get(keyOf('a'))?.state).toBe('pending');
    expect(changes.map(({ reason }) => reason)).toEqual(['hold-raised']);
  });

  it('whose source is silent is kept where the rule says so, and resolves otherwise', () => {
    const fired = transition(none, answer(0, ['a']), prometheus).instances;
    const silence: Evaluation = {
      kind: 'answer',
      atMs: minute,
      elements: [],
      silent: new Set([keyOf('a')]),
    };
    const keep = transition(fired, silence, { ...prometheus, onNoData: 'keep' });
    expect(keep.instances.get(keyOf('a'))?.state).toBe('firing');
    expect(keep.kept).toEqual([{ key: keyOf('a'), reason: 'no-data' }]);
    expect(transition(fired, silence, prometheus).instances.get(keyOf('a'))?.state).toBe(
      'resolved',
    );
  });

  it('may fire by a partial answer and is not gone by one', () => {
    const fired = transition(none, answer(0, ['a']), prometheus).instances;
    const partial: Evaluation = {
      kind: 'answer',
      atMs: minute,
      elements: [element('b')],
      partial: true,
    };
    const { instances } = transition(fired, partial, prometheus);
    expect([...instances.values()].map(({ state }) => state)).toEqual(['firing', 'firing']);
  });
});

describe('a rule', () => {
  it('whose answer holds one alert twice fails and keeps its states', () => {
    const fired = transition(none, answer(0, ['a']), prometheus).instances;
    const outcome = transition(fired, answer(minute, ['b', 'b']), prometheus);
    expect(outcome.failure?.reason).toBe('duplicate-labels');
    expect(outcome.instances).toBe(fired);
    expect(outcome.changes).toEqual([]);
  });

  it('over its limit fails and forgets its alerts', () => {
    const fired = transition(none, answer(0, ['a']), { ...prometheus, limit: 1 });
    expect(fired.failure).toBeUndefined();
    const outcome = transition(fired.instances, answer(minute, ['a', 'b']), {
      ...prometheus,
      limit: 1,
    });
    expect(outcome.failure).toEqual({
      reason: 'over-limit',
      message: 'exceeded limit of 1 with 2 alerts',
    });
    expect(outcome.instances.size).toBe(0);
    expect(outcome.changes).toMatchObject([{ from: 'firing', to: 'none', reason: 'over-limit' }]);
  });

  it('evaluated twice for one slot is as evaluated once', () => {
    const step = fc.subarray(['a', 'b', 'c']);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.nat(3), fc.nat(3), (steps, hold, after) => {
        const terms = { ...prometheus, forMs: hold * intervalMs, resolveAfter: after + 1 };
        let instances = none;
        steps.forEach((names, index) => {
          const evaluation = answer(index * intervalMs, names);
          const once = transition(instances, evaluation, terms);
          const twice = transition(once.instances, evaluation, terms);
          expect(twice.instances).toEqual(once.instances);
          expect(twice.changes).toEqual([]);
          instances = once.instances;
        });
      }),
    );
  });

  it('that was not looked at for long does not count that time as held', () => {
    const terms = { ...prometheus, forMs: 10 * minute };
    const pending = transition(none, answer(0, ['a']), terms).instances;
    const gap = { lastEvaluationMs: 0, intervalMs, toleranceMs: 5 * minute };
    expect(bridgeGap(pending, { ...gap, nowMs: 5 * minute })).toBe(pending);
    const bridged = bridgeGap(pending, { ...gap, nowMs: 20 * minute });
    const at = transition(bridged, answer(20 * minute, ['a']), terms).instances;
    expect(at.get(keyOf('a'))).toMatchObject({ state: 'pending', activeAtMs: 20 * minute });
  });
});
