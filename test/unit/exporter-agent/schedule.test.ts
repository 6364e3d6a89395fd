import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { phaseMs, untilNextTick } from '../../../exporter-agent/schedule.ts';

describe('the moment of a host', () => {
  it('lies in the interval, and spreads 500 hosts over all of it', () => {
    const phases = Array.from({ length: 500 }, (_, i) => phaseMs(`h-${i}`, 5_000));
    const perHalfSecond = Array.from({ length: 10 }, () => 0);
    for (const phase of phases) perHalfSecond[Math.floor(phase / 500)]! += 1;
    expect(Math.min(...perHalfSecond)).toBeGreaterThan(20);
    expect(Math.max(...perHalfSecond)).toBeLessThan(90);
  });

  it('is met by the next tick, a quarter to one and a quarter of an interval from now', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2e12 }),
        fc.integer({ min: 1, max: 300 }),
        fc.string(),
        (nowMs, seconds, hostId) => {
          const intervalMs = seconds * 1000;
          const phase = phaseMs(hostId, intervalMs);
          const wait = untilNextTick(nowMs, intervalMs, phase);
          expect(wait).toBeGreaterThanOrEqual(intervalMs / 4);
          expect(wait).toBeLessThan(intervalMs * 1.25);
          expect((nowMs + wait) % intervalMs).toBe(phase);
        },
      ),
    );
  });
});
