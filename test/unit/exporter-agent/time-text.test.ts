import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toIsoText } from '../../../exporter-agent/time-text.ts';

it('writes every moment of the years 0 to 9999 as Date does', () => {
  const moments = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 });
  fc.assert(fc.property(moments, (ms) => toIsoText(ms) === new Date(ms).toISOString()));
  for (const text of [
    '2024-02-29T23:59:59.999Z',
    '2026-12-31T23:59:59.000Z',
    '1970-01-01T00:00:00.000Z',
  ])
    expect(toIsoText(Date.parse(text))).toBe(text);
});
