import { describe, expect, it } from 'vitest';
import { clockTrouble } from '../../../../exporter-agent/send/clock-trouble.ts';

const minute = 60_000;

describe('a wrong clock', () => {
  it.each([undefined, 0, 300, -5 * minute, 5 * minute])(
    'is none at an offset of %s ms',
    (offset) => {
      expect(clockTrouble(offset)).toBeUndefined();
    },
  );

  it('is told by how much and to which side, the same from beat to beat', () => {
    expect(clockTrouble(-180 * minute)).toContain('180 min ahead of the server');
    expect(clockTrouble(7 * minute)).toContain('7 min behind the server');
    expect(clockTrouble(-180 * minute + 900)).toBe(clockTrouble(-180 * minute - 900));
  });
});
