import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSignedLinks } from '../../../src/reports/index.ts';

const start = 1_800_000_000_000;
let nowMs = start;
const links = createSignedLinks({
  key: Buffer.alloc(32, 5),
  clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
});
const link = links.sign('0b0c.csv', 'cpu.utilization-web 1.csv', start + 3_600_000);

describe('a signed address', () => {
  it('opens its file until its time, and says that it has expired after it', () => {
    nowMs = start + 3_599_999;
    expect(links.verify(link)).toEqual({
      ...{ ok: true, name: '0b0c.csv', fileName: 'cpu.utilization-web 1.csv' },
    });
    nowMs = start + 3_600_000;
    expect(links.verify(link)).toEqual({ ok: false, reason: 'expired' });
    nowMs = start;
  });

  it('opens nothing when any byte of it is changed, added or taken away', () => {
    const index = fc.nat({ max: link.length });
    fc.assert(
      fc.property(index, fc.string({ maxLength: 2 }), fc.constantFrom(0, 1), (at, text, taken) => {
        const changed = link.slice(0, at) + text + link.slice(at + taken);
        fc.pre(changed !== link);
        expect(links.verify(changed)).toEqual({ ok: false, reason: 'changed' });
      }),
      { numRuns: 2_000 },
    );
    for (let at = 0; at < link.length; at++) {
      const flipped = String.fromCharCode(link.charCodeAt(at) ^ 1);
      const changed = link.slice(0, at) + flipped + link.slice(at + 1);
      expect([at, links.verify(changed).ok]).toEqual([at, false]);
    }
  });

  it('of another installation opens nothing', () => {
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
    const other = createSignedLinks({ key: Buffer.alloc(32, 6), clock });
    expect(other.verify(link)).toEqual({ ok: false, reason: 'changed' });
  });
});
