import { z } from 'zod';
import type { Point } from '../../host-metrics/index.ts';

/** PRP §8.2–8.3. */
export const pointAnswer = z.strictObject({
  ts: z.iso.datetime(),
  value: z.number().nullable().describe('Null where the value is no finite number.'),
});

/** Times that are kept: those of a few hours of questions. */
const mostTimes = 20_000;

/**
 * A list of points as JSON. Made as text at once: as objects, a busy dashboard's points are a fifth of all garbage. All
 * hosts' points lie on the same times, each of which is written once.
 */
export function createPointsText(): (points: readonly Point[]) => string {
  const heads = new Map<number, string>();
  const headOf = (ms: number): string => {
    const known = heads.get(ms);
    if (known !== undefined) return known;
    if (heads.size >= mostTimes) heads.clear();
    const head = `{"ts":"${secondsTime(ms)}","value":`;
    heads.set(ms, head);
    return head;
  };
  const pointText = ([atMs, value]: Point): string =>
    `${headOf(atMs)}${Number.isFinite(value) ? String(value) : 'null'}}`;
  return (points) => `[${points.map(pointText).join(',')}]`;
}

/** As the PRP prints times: without milliseconds where there are none. */
function secondsTime(ms: number): string {
  const text = new Date(ms).toISOString();
  return ms % 1_000 === 0 ? `${text.slice(0, 19)}Z` : text;
}
