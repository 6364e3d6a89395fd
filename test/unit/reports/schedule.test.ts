import { describe, expect, it } from 'vitest';
import { nextRunMs } from '../../../src/reports/schedule.ts';

const next = (weekday: number, at: string, timeZone: string, after: string): string =>
  new Date(nextRunMs({ weekday, at, timeZone }, Date.parse(after))).toISOString();

describe('the time of a weekly report', () => {
  it.each([
    // Midnight of Sunday in Berlin is 23:00 or 22:00 of Saturday.
    [0, '00:00', 'Europe/Berlin', '2026-11-20T00:00:00Z', '2026-11-21T23:00:00.000Z'],
    [0, '00:00', 'Europe/Berlin', '2026-07-10T00:00:00Z', '2026-07-11T22:00:00.000Z'],
    [0, '00:00', 'UTC', '2026-11-22T00:00:00Z', '2026-11-29T00:00:00.000Z'],
    [1, '09:30', 'Asia/Kolkata', '2026-11-22T00:00:00Z', '2026-11-23T04:00:00.000Z'],
    // The night in which summer time begins.
    [0, '01:30', 'Europe/Berlin', '2027-03-27T12:00:00Z', '2027-03-28T00:30:00.000Z'],
  ])('of weekday %d at %s in %s after %s is %s', (weekday, at, zone, after, expected) => {
    expect(next(weekday, at, zone, after)).toBe(expected);
  });

  it('that a change to summer time leaves out comes all the same, once', () => {
    const first = next(0, '02:30', 'Europe/Berlin', '2027-03-27T12:00:00Z');
    expect(first.startsWith('2027-03-28T01:')).toBe(true);
    expect(next(0, '02:30', 'Europe/Berlin', first)).toBe('2027-04-04T00:30:00.000Z');
  });

  it('that a change from summer time has twice comes once', () => {
    const first = next(0, '02:30', 'Europe/Berlin', '2026-10-24T12:00:00Z');
    const second = next(0, '02:30', 'Europe/Berlin', first);
    expect(second.startsWith('2026-11-01')).toBe(true);
  });

  it.each([
    ['24:00', 'UTC'],
    ['9:00', 'UTC'],
    ['00:00', 'Mars/Olympus'],
  ])('is refused where it is none: %s in %s', (at, timeZone) => {
    expect(() => nextRunMs({ weekday: 0, at, timeZone }, 0)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
  });
});
