import { z } from 'zod';
import type { Point } from '../../host-metrics/index.ts';

/** PRP §8.2–8.3. */
export const pointAnswer = z.strictObject({
  ts: z.iso.datetime(),
  value: z.number().nullable().describe('Null where the value is no finite number.'),
});

export const toPointJson = ([atMs, value]: Point): z.input<typeof pointAnswer> => ({
  ts: secondsTime(atMs),
  value: Number.isFinite(value) ? value : null,
});

/** As the PRP prints times: without milliseconds where there are none. */
function secondsTime(ms: number): string {
  const text = new Date(ms).toISOString();
  return ms % 1_000 === 0 ? `${text.slice(0, 19)}Z` : text;
}
