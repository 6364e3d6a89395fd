export type TierSample = readonly [atMs: number, value: number];

/**
 * What a tier holds of one series (docs/tiers.md), told the plain way: of a gauge average, minimum, maximum and count of
 * each window (T − step, T], of a counter its last value and, where it was begun anew, one more before that makes the
 * increase whole.
 */
export function aggregates(
  points: readonly TierSample[],
  { stepMs, kind }: { stepMs: number; kind: 'gauge' | 'counter' },
): [suffix: string, points: TierSample[]][] {
  const windows = new Map<number, TierSample[]>();
  for (const point of points) {
    const endMs = Math.ceil(point[0] / stepMs) * stepMs;
    windows.set(endMs, [...(windows.get(endMs) ?? []), point]);
  }
  if (kind === 'counter') return [['', lastValues(windows, stepMs)]];
  const each = (of: (values: number[]) => number): TierSample[] =>
    [...windows].map(([endMs, own]) => [endMs - 1_000, of(own.map(([, value]) => value))]);
  const sum = (values: number[]): number => values.reduce((total, one) => total + one, 0);
  return [
    ['', each((values) => sum(values) / values.length)],
    [':min', each((values) => Math.min(...values))],
    [':max', each((values) => Math.max(...values))],
    [':count', each((values) => values.length)],
  ];
}

function lastValues(windows: Map<number, TierSample[]>, stepMs: number): TierSample[] {
  const kept: TierSample[] = [];
  let before: number | undefined;
  for (const [endMs, own] of windows) {
    const start = before ?? own[0]?.[1] ?? 0;
    let [previous, increase, isReset] = [start, 0, false];
    for (const [, value] of own) {
      if (value < previous) isReset = true;
      increase += value < previous ? value : value - previous;
      previous = value;
    }
    if (isReset) kept.push([endMs - stepMs / 2 - 1_000, start + increase - previous]);
    kept.push([endMs - 1_000, previous]);
    before = previous;
  }
  return kept;
}
