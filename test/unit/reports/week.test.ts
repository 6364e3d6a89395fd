import { describe, expect, it } from 'vitest';
import { alertsPerDay, ruleWeeks } from '../../../src/reports/week-alerts.ts';
import { daysUntilFull } from '../../../src/reports/week-disks.ts';

describe('days until a disk is full', () => {
  const disk = { usedPercent: 90, growthPerDay: 1, spanDays: 7 };
  it('are told at the pace of the week', () => {
    expect(daysUntilFull(disk)).toBe(10);
    expect(daysUntilFull({ ...disk, usedPercent: 100 })).toBe(0);
  });

  it.each([
    ['the disk shrinks', { growthPerDay: -1 }],
    ['it stands still', { growthPerDay: 0.01 }],
    ['too little of the week is known', { spanDays: 2.9 }],
    ['it would take years', { growthPerDay: 0.021, usedPercent: 10 }],
    ['the slope is none', { growthPerDay: NaN }],
  ])('are not told where %s', (_, more) => {
    expect(daysUntilFull({ ...disk, ...more })).toBeNull();
  });
});

describe('the alerts of a week', () => {
  // From Sunday to Sunday in Berlin, over the end of summer time: 169 hours.
  const startMs = Date.parse('2026-10-23T22:00:00Z');
  const week = { startMs, endMs: Date.parse('2026-10-30T23:00:00Z'), timeZone: 'Europe/Berlin' };
  const alert = { rule: 'CPU Hot', severity: 'critical', hostId: 'a' };
  const hour = 3_600_000;

  it('count by rule, each for the time within the week', () => {
    const rules = ruleWeeks(
      [
        { ...alert, openedAtMs: startMs - hour, closedAtMs: startMs + hour },
        { ...alert, hostId: 'b', openedAtMs: week.endMs - hour, closedAtMs: null },
        { ...alert, rule: 'Other', openedAtMs: startMs, closedAtMs: startMs + 60_000 },
      ],
      week,
    );
    expect(rules).toEqual([
      { rule: 'CPU Hot', severity: 'critical', alerts: 2, hosts: 2, firingMinutes: 120 },
      { rule: 'Other', severity: 'critical', alerts: 1, hosts: 1, firingMinutes: 1 },
    ]);
  });

  it('count by day as the zone has days, days without any too', () => {
    const at = (text: string) => ({ ...alert, openedAtMs: Date.parse(text), closedAtMs: null });
    const days = alertsPerDay(
      [at('2026-10-24T21:59:00Z'), at('2026-10-24T22:01:00Z'), at('2026-10-01T00:00:00Z')],
      week,
    );
    expect(days).toHaveLength(7);
    expect(days.map(({ alerts }) => alerts)).toEqual([1, 1, 0, 0, 0, 0, 0]);
    expect(days[0]?.label).toMatch(/^Sat,? 24 Oct$/);
  });
});
