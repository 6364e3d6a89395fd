import { z } from 'zod';
import type { ranges, Span } from '../../host-metrics/index.ts';
import { GaugewayError } from '../../platform/index.ts';

/** RFC 3339. */
export const timeText = z.iso.datetime({ offset: true });

/** Either `range`, or both `start` and `end`; an hour when nothing is said. Throws BAD_REQUEST for a mixture. */
export function spanOf(asked: {
  range?: (typeof ranges)[number] | undefined;
  start?: string | undefined;
  end?: string | undefined;
}): Span {
  const { range, start, end } = asked;
  if (start === undefined && end === undefined) return { range: range ?? '1h' };
  if (range !== undefined || start === undefined || end === undefined) {
    throw new GaugewayError('BAD_REQUEST', 'give either range, or both start and end');
  }
  return { startMs: Date.parse(start), endMs: Date.parse(end) };
}
