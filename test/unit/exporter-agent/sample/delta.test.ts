import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tick } from '../../../../exporter-agent/collect/collector.ts';
import { createDeltas } from '../../../../exporter-agent/sample/delta.ts';

const tickAt = (monotonicMs: number, more: Partial<Tick> = {}): Tick => ({
  wallMs: 0,
  monotonicMs,
  intervalMs: 5_000,
  bootId: 'a',
  ...more,
});

function rates(steps: [Tick, number | undefined][], width: 'u32' | 'u64' = 'u64') {
  const deltas = createDeltas();
  return steps.map(([tick, value]) => {
    deltas.begin(tick);
    return value === undefined ? undefined : deltas.perSecond('x', value, width);
  });
}

describe('a counter becomes a rate', () => {
  it('per second of monotonic time, whatever the wall clock does', () => {
    const result = rates([
      [tickAt(0, { wallMs: 9e12 }), 100],
      [tickAt(5_000, { wallMs: 1 }), 200],
      [tickAt(9_000, { wallMs: 9e12 }), 200],
    ]);
    expect(result).toEqual([undefined, 20, 0]);
  });

  it('has none in the first tick and after a tick in which it was away', () => {
    const result = rates([
      [tickAt(0), 1],
      [tickAt(5_000), undefined],
      [tickAt(10_000), 3],
      [tickAt(15_000), 8],
    ]);
    expect(result).toEqual([undefined, undefined, undefined, 1]);
  });

  it('has none when the counter went backwards, and goes on from there', () => {
    expect(
      rates([
        [tickAt(0), 50],
        [tickAt(5_000), 10],
        [tickAt(10_000), 20],
      ]),
    ).toEqual([undefined, undefined, 2]);
  });

  it('wraps a 32-bit field', () => {
    const result = rates(
      [
        [tickAt(0), 2 ** 32 - 10],
        [tickAt(5_000), 40],
      ],
      'u32',
    );
    expect(result[1]).toBe(10);
  });

  it('has none over a pause of more than three intervals, but over exactly three', () => {
    expect(
      rates([
        [tickAt(0), 0],
        [tickAt(15_000), 15],
      ])[1],
    ).toBe(1);
    expect(
      rates([
        [tickAt(0), 0],
        [tickAt(15_001), 15],
      ])[1],
    ).toBeUndefined();
  });

  it('goes on when the interval was made shorter in between', () => {
    const result = rates([
      [tickAt(0, { intervalMs: 60_000 }), 0],
      [tickAt(60_000, { intervalMs: 1_000 }), 60],
    ]);
    expect(result[1]).toBe(1);
  });

  it('has none across a reboot', () => {
    expect(
      rates([
        [tickAt(0), 0],
        [tickAt(5_000, { bootId: 'b' }), 15],
      ])[1],
    ).toBeUndefined();
  });

  it('is never negative and never infinite', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -5, max: 40_000 }), fc.maxSafeNat()), {
          maxLength: 30,
        }),
        fc.constantFrom('u32' as const, 'u64' as const),
        (steps, width) => {
          let at = 0;
          const deltas = createDeltas();
          for (const [gap, value] of steps) {
            at += gap;
            deltas.begin(tickAt(at));
            const counter = width === 'u32' ? value % 2 ** 32 : value;
            const rate = deltas.perSecond('x', counter, width);
            expect(rate === undefined || (rate >= 0 && Number.isFinite(rate))).toBe(true);
          }
        },
      ),
    );
  });

  it('sums up to what the counter grew by, over any regular walk', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 50 }), (growths) => {
        const deltas = createDeltas();
        let value = 7;
        let sum = 0;
        deltas.begin(tickAt(0));
        deltas.perSecond('x', value);
        for (const [index, growth] of growths.entries()) {
          value += growth;
          deltas.begin(tickAt((index + 1) * 5_000));
          sum += 5 * (deltas.perSecond('x', value) ?? Number.NaN);
        }
        expect(sum).toBeCloseTo(value - 7, 3);
      }),
    );
  });
});
