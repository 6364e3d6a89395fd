import { describe, expect, it } from 'vitest';
import { nextCheckMs } from '../../../src/retention/late.ts';
import { nextTask, waitingOf, type PlanInput } from '../../../src/retention/plan.ts';
import type { AggregateTier } from '../../../src/retention/tiers.ts';

const hour = 3_600_000;
const mark = (tenantId: string, tier: AggregateTier, hours: number) => ({
  ...{ tenantId, tier, doneUntilMs: hours * hour },
});

/** At ten o'clock, when nothing is accepted any more of what ended an hour ago. */
const plan = (input: Partial<PlanInput>): PlanInput => ({
  ...{ marks: [], asked: [], usable: new Set<AggregateTier>(['1m', '5m']) },
  isClosed: (_tenantId, endMs) => endMs <= 9 * hour,
  ...input,
});

describe('the next hour', () => {
  it('is the oldest of all tenants, for every tier that lacks it', () => {
    const marks = [mark('a', '1m', 6), mark('a', '5m', 6), mark('b', '1m', 7), mark('b', '5m', 5)];
    expect(nextTask(plan({ marks }))).toEqual({ tenantId: 'b', startMs: 5 * hour, tiers: ['5m'] });
    expect(nextTask(plan({ marks: marks.slice(0, 3) }))).toEqual({
      ...{ tenantId: 'a', startMs: 6 * hour, tiers: ['1m', '5m'] },
    });
  });

  it('is none that still gets samples', () => {
    expect(nextTask(plan({ marks: [mark('a', '1m', 9)] }))).toBeUndefined();
    expect(nextTask(plan({ marks: [mark('a', '1m', 8)] }))?.startMs).toBe(8 * hour);
  });

  it('is not that of a tier that is away', () => {
    const marks = [mark('a', '1m', 3), mark('a', '5m', 6)];
    const usable = new Set<AggregateTier>(['5m']);
    expect(nextTask(plan({ marks, usable }))?.tiers).toEqual(['5m']);
  });

  it('is one to be done again only where nothing new is due', () => {
    const asked = [{ tenantId: 'a', tier: '1m' as const, startMs: hour }];
    expect(nextTask(plan({ marks: [mark('a', '1m', 8)], asked }))?.startMs).toBe(8 * hour);
    expect(nextTask(plan({ marks: [mark('a', '1m', 9)], asked }))?.startMs).toBe(hour);
  });

  it('is counted with all that are due', () => {
    const marks = [mark('a', '1m', 6), mark('b', '1m', 9), mark('a', '5m', 2)];
    const asked = [{ tenantId: 'b', tier: '1m' as const, startMs: hour }];
    expect(waitingOf('1m', plan({ marks, asked }))).toBe(4);
    expect(waitingOf('5m', plan({ marks, asked }))).toBe(7);
  });
});

describe('the next count of an hour', () => {
  it('is soon, after a day, a day before raw samples expire, and never after', () => {
    const raw = 7 * 24 * hour;
    expect(nextCheckMs(0, 2 * hour, raw)).toBe(4 * hour);
    expect(nextCheckMs(0, 4 * hour, raw)).toBe(25 * hour);
    expect(nextCheckMs(0, 26 * hour, raw)).toBe(6 * 24 * hour + hour);
    expect(nextCheckMs(0, 7 * 24 * hour, raw)).toBeNull();
  });
});
