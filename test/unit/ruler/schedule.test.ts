import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missedSlots, phaseMs, slotAt } from '../../../src/ruler/schedule.ts';

const rhythm = { intervalMs: 30_000, phaseMs: 12_345 };

describe('slots', () => {
  it('are the same for everybody who looks within one interval', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.nat(29_999), (nowMs, laterMs) => {
        const slot = slotAt(nowMs, rhythm);
        expect(slot).toBeLessThanOrEqual(nowMs);
        expect(nowMs - slot).toBeLessThan(rhythm.intervalMs);
        expect(slotAt(slot + laterMs, rhythm)).toBe(slot);
      }),
    );
  });

  it('of two tenants with the same group do not meet', () => {
    expect(phaseMs('a', 'f;g', 30_000)).not.toBe(phaseMs('b', 'f;g', 30_000));
    expect(phaseMs('a', 'f;g', 30_000)).toBeLessThan(30_000);
  });

  it.each([
    [undefined, 300_000, 0],
    [270_000, 300_000, 0],
    [240_000, 300_000, 1],
    [0, 300_000, 9],
    [300_000, 300_000, 0],
  ])('between %s and %i were missed: %i', (last, slot, missed) => {
    expect(missedSlots(last, slot, { intervalMs: 30_000, phaseMs: 0 })).toBe(missed);
  });
});
