import { GaugewayError } from '../platform/index.ts';

/** Times of the answers: from `startMs` to `endMs` inclusive, on multiples of the step. */
export interface Grid {
  startMs: number;
  endMs: number;
  stepMs: number;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** What `range` may say, PRP §8.2–8.3 and the contract's longer ones. */
export const ranges = ['15m', '1h', '6h', '24h', '7d', '30d', '90d'] as const;
type Range = (typeof ranges)[number];

const lengthMs: Readonly<Record<Range, number>> = {
  '15m': 15 * minute,
  '1h': hour,
  '6h': 6 * hour,
  '24h': day,
  '7d': 7 * day,
  '30d': 30 * day,
  '90d': 90 * day,
};

/** Contract "Ranges and resolution": up to 1 h as it was sent, up to 24 h by the minute, up to 7 d by five. */
const steps: readonly { upToMs: number; stepMs: number; resolution: string }[] = [
  { upToMs: hour, stepMs: 5_000, resolution: '5s' },
  { upToMs: day, stepMs: minute, resolution: '1m' },
  { upToMs: 7 * day, stepMs: 5 * minute, resolution: '5m' },
  { upToMs: Infinity, stepMs: hour, resolution: '1h' },
];

/** What stands for the samples of one step; at the resolution of the samples themselves all are the same. */
export const aggregates = ['avg', 'min', 'max'] as const;
export type Aggregate = (typeof aggregates)[number];

/** How long, and until when; `range` ends now. */
export type Span = { range: Range } | { startMs: number; endMs: number };

const maxSpanMs = 90 * day;

/** Throws BAD_REQUEST for a span that is none or longer than anything is kept. */
export function spanMs(span: Span, nowMs: number): readonly [startMs: number, endMs: number] {
  const [startMs, endMs] =
    'range' in span ? [nowMs - lengthMs[span.range], nowMs] : [span.startMs, span.endMs];
  if (startMs >= endMs) throw new GaugewayError('BAD_REQUEST', 'start must be before end');
  if (endMs - startMs > maxSpanMs) {
    throw new GaugewayError('BAD_REQUEST', 'a question spans at most 90 days');
  }
  return [startMs, endMs];
}

/** Throws BAD_REQUEST as `spanMs` does. */
export function gridOf(span: Span, nowMs: number): { grid: Grid; resolution: string } {
  const [startMs, endMs] = spanMs(span, nowMs);
  const step = steps.find(({ upToMs }) => endMs - startMs <= upToMs);
  const { stepMs, resolution } = step ?? { stepMs: hour, resolution: '1h' };
  const onGrid = (ms: number): number => Math.floor(ms / stepMs) * stepMs;
  // Open at its start: an hour of 5 s is 720 points.
  return { grid: { startMs: onGrid(startMs) + stepMs, endMs: onGrid(endMs), stepMs }, resolution };
}
