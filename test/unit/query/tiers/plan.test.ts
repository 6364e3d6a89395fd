import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePromql } from '../../../../src/query/promql/parser.ts';
import { withFixedTimes } from '../../../../src/query/tiers/fixed-times.ts';
import { planRange, tierAt } from '../../../../src/query/tiers/plan.ts';
import { reachOf } from '../../../../src/query/tiers/reach.ts';
import type { ReadTier, TierName } from '../../../../src/query/tiers/tier.ts';

const minute = 60_000;
const day = 86_400_000;
const nowMs = 1_800_000_000_000;
const tier = (name: TierName, stepMs: number, keptMs: number): ReadTier => ({
  ...{ name, stepMs, keptMs: () => keptMs, filledUntilMs: () => nowMs },
  reader: { read: () => Promise.reject(new Error('not asked')) },
});
const tiers = [
  tier('raw', 0, 7 * day),
  tier('1m', minute, 30 * day),
  tier('5m', 5 * minute, 60 * day),
];
const whole = { startMs: nowMs - 7 * day, endMs: nowMs };
const reach = (text: string) => reachOf(withFixedTimes(parsePromql(text), whole));

describe('the reach of an expression', () => {
  it.each([
    ['1', 0],
    ['up', 5 * minute],
    ['up offset 1h', 65 * minute],
    ['up offset -1h', 0],
    ['rate(up[1h])', 65 * minute],
    ['max_over_time(rate(up[5m])[1d:1h] offset 1h)', day + 70 * minute],
    ['sum(up) / sum(rate(up[10m]))', 15 * minute],
  ])('%s reads %d ms back', (text, backMs) => {
    expect(reach(text)).toMatchObject({ backMs, pinnedMs: Infinity });
  });

  it('is pinned by @, also by that of the start', () => {
    expect(reach('up @ 1000')).toEqual({
      ...{ backMs: 0, pinnedMs: 1_000_000 - 5 * minute, widthMs: 5 * minute },
    });
    expect(reach('up @ start() + up').pinnedMs).toBe(whole.startMs - 5 * minute);
    expect(reach('rate(up[1h] @ end() offset 1d)').pinnedMs).toBe(nowMs - day - 65 * minute);
  });
});

const names = (startMs: number, text: string, stepMs = minute) =>
  planRange(
    tiers,
    { startMs, endMs: nowMs, stepMs },
    { tenantId: 't', reach: reach(text), nowMs },
  ).map((part) => part.tier.name);

describe('a range', () => {
  it('is answered by the finest tiers that hold it', () => {
    expect(names(nowMs - day, 'up')).toEqual(['raw']);
    expect(names(nowMs - 8 * day, 'up')).toEqual(['1m', 'raw']);
    // 23 days of minutes are more than storage weighs at once.
    expect(names(nowMs - 59 * day, 'up', 3_600_000)).toEqual(['5m', '1m', '1m', 'raw']);
    // What is read at each moment lies before the raw samples.
    expect(names(nowMs - minute, 'avg_over_time(up[15d])')).toEqual(['1m']);
    expect(names(nowMs - minute, 'avg_over_time(up[29d])')).toEqual(['5m']);
    expect(names(nowMs - day, 'up / (up offset 40d)')).toEqual(['5m']);
    expect(names(nowMs - day, `up @ ${String((nowMs - 20 * day) / 1_000)}`)).toEqual(['1m']);
  });

  it('has every moment of its grid once, in order, each in the tier that an instant query asks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 80 * day }),
        fc.integer({ min: 1, max: 3 * day }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 50 * day }),
        (ago, stepMs, points, backMs) => {
          const startMs = nowMs - ago;
          const grid = { startMs, endMs: startMs + points * stepMs, stepMs };
          const reach = { backMs, pinnedMs: Infinity, widthMs: backMs };
          const asked = { tenantId: 't', reach, nowMs };
          const parts = planRange(tiers, grid, asked);
          for (const { tier: own, grid: of } of parts.slice(0, -1)) {
            const looked = own.stepMs === 0 ? 0 : (of.endMs - of.startMs + backMs) / own.stepMs;
            expect(of.startMs === of.endMs || looked <= 28_000).toBe(true);
          }
          const answered = parts.flatMap((part) => {
            const moments: [number, string][] = [];
            for (let at = part.grid.startMs; at <= part.grid.endMs; at += stepMs) {
              moments.push([at, part.tier.name]);
            }
            return moments;
          });
          const expected = Array.from({ length: points + 1 }, (_, i) => startMs + i * stepMs)
            .filter((at) => at >= nowMs - 60 * day)
            .map((at): [number, string] => [at, tierAt(tiers, at, asked).name]);
          expect(answered).toEqual(expected);
        },
      ),
    );
  });
});
