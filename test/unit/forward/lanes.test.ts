import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodyOf, Lanes, type Group } from '../../../src/forward/lanes.ts';
import { batchOf, idsIn } from '../../support/forward.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function lanesOf(batchSamples: number): { lanes: Lanes; groups: Group[] } {
  const groups: Group[] = [];
  const lanes = new Lanes({ batchSamples, batchDelayMs: 5 }, (group) => groups.push(group));
  return { lanes, groups };
}

const idsOf = (groups: Group[]) => groups.map((group) => group.entries.map(({ seq }) => seq));

describe('micro-batching', () => {
  it('hands a group over as soon as it has the samples', () => {
    const { lanes, groups } = lanesOf(10);
    for (const seq of [1, 2, 3]) lanes.add({ seq, batch: batchOf(seq, { samples: 4 }) });
    expect(idsOf(groups)).toEqual([[1, 2, 3]]);
    expect(lanes.isEmpty).toBe(true);
    expect(groups.map((group) => idsIn(bodyOf(group)))).toEqual([
      [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
    ]);
  });

  it('hands over what waits when the delay is over', () => {
    const { lanes, groups } = lanesOf(1_000);
    lanes.add({ seq: 1, batch: batchOf(1) });
    vi.advanceTimersByTime(4);
    lanes.add({ seq: 2, batch: batchOf(2) });
    expect(groups).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(idsOf(groups)).toEqual([[1, 2]]);
  });

  it('keeps apart what has other forced labels, also where their texts run together', () => {
    const { lanes, groups } = lanesOf(1_000);
    lanes.add({
      seq: 1,
      batch: batchOf(1, {
        labels: [
          ['tenant', 'a'],
          ['zone', 'b'],
        ],
      }),
    });
    lanes.add({
      seq: 2,
      batch: batchOf(2, {
        labels: [
          ['tenant', 'azone'],
          ['', 'b'],
        ],
      }),
    });
    lanes.add({
      seq: 3,
      batch: batchOf(3, {
        labels: [
          ['tenant', 'a'],
          ['zone', 'b'],
        ],
      }),
    });
    lanes.flush();
    expect(idsOf(groups)).toEqual([[1, 3], [2]]);
  });

  it('makes no request larger than the store takes', () => {
    const { lanes, groups } = lanesOf(1_000_000);
    const size = 1_500_000;
    for (const seq of [1, 2, 3]) lanes.add({ seq, batch: batchOf(seq, { pad: size }) });
    lanes.flush();
    expect(idsOf(groups)).toEqual([[1, 2], [3]]);
  });

  it('gives back what waited when it is cleared, and hands nothing over later', () => {
    const { lanes, groups } = lanesOf(1_000);
    lanes.add({ seq: 1, batch: batchOf(1) });
    expect(lanes.clear().map(({ seq }) => seq)).toEqual([1]);
    vi.advanceTimersByTime(100);
    expect(groups).toEqual([]);
  });
});
