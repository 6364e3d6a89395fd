/** Charts as SVG texts; sizes are points of the page. No text in them comes from outside but names, which are escaped. */
export interface LineChart {
  width: number;
  height: number;
  /** Of all series; a null is a gap. */
  values: readonly { label: string; color: string; points: readonly (number | null)[] }[];
  /** Of the lower edge, each at a share of the width from 0 to 1. */
  ticks: readonly { at: number; text: string }[];
  max: number;
  unit: string;
}

const ink = '#334155';
const faint = '#e2e8f0';
const font = 'font-family="Roboto" font-size="7"';
const [left, bottom, top] = [26, 16, 6];

export function lineChart({ width, height, values, ticks, max, unit }: LineChart): string {
  const [plotWidth, plotHeight] = [width - left - 6, height - top - bottom];
  const y = (value: number): number => top + plotHeight * (1 - Math.min(value, max) / max);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * max).toFixed(1);
    const text = `${Math.round(share * max)}${unit}`;
    return `<line x1="${left}" y1="${at}" x2="${width - 6}" y2="${at}" stroke="${faint}" stroke-width="0.5"/><text x="${left - 4}" y="${(Number(at) + 2.5).toFixed(1)}" text-anchor="end" fill="${ink}" ${font}>${text}</text>`;
  });
  const marks = ticks.map(({ at, text }) => {
    const x = (left + at * plotWidth).toFixed(1);
    return `<line x1="${x}" y1="${top}" x2="${x}" y2="${height - bottom}" stroke="${faint}" stroke-width="0.4"/><text x="${x}" y="${height - 5}" text-anchor="middle" fill="${ink}" ${font}>${escaped(text)}</text>`;
  });
  const lines = values.map(({ color, points }, i) => {
    const x = (n: number): number =>
      left + (points.length < 2 ? 0 : n / (points.length - 1)) * plotWidth;
    const runs = unbroken(points);
    const paths = runs.map((run) => {
      const d = run.map(
        ([n, value], k) => `${k === 0 ? 'M' : 'L'}${x(n).toFixed(1)} ${y(value).toFixed(1)}`,
      );
      return `<path d="${d.join('')}" fill="none" stroke="${color}" stroke-width="${i === 0 ? 1.3 : 0.8}"/>`;
    });
    const areas = i > 0 ? [] : runs.map((run) => areaOf(run, x, y, height - bottom, color));
    return [...areas, ...paths].join('');
  });
  return svg(width, height, [...grid, ...marks, ...lines]);
}

function areaOf(
  run: readonly (readonly [number, number])[],
  x: (n: number) => number,
  y: (value: number) => number,
  ...[floor, color]: [number, string]
): string {
  const line = run.map(([n, value]) => `L${x(n).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  const [first, last] = [run[0]?.[0] ?? 0, run.at(-1)?.[0] ?? 0];
  return `<path d="M${x(first).toFixed(1)} ${floor}${line}L${x(last).toFixed(1)} ${floor}Z" fill="${color}" fill-opacity="0.12"/>`;
}

/** Runs without a gap, as index and value. */
function unbroken(points: readonly (number | null)[]): (readonly [number, number])[][] {
  const runs: (readonly [number, number])[][] = [];
  for (const [n, value] of points.entries()) {
    if (value === null) continue;
    const isNew = n === 0 || points[n - 1] === null;
    if (isNew) runs.push([[n, value]]);
    else runs.at(-1)?.push([n, value]);
  }
  return runs;
}

/** Upright bars with their numbers above and labels below. */
export function barChart(
  bars: readonly { label: string; value: number }[],
  { width, height, color }: { width: number; height: number; color: string },
): string {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const slot = width / Math.max(1, bars.length);
  const floor = height - 14;
  const parts = bars.map(({ label, value }, i) => {
    const [x, middle] = [i * slot + slot * 0.2, (i + 0.5) * slot];
    const tall = ((floor - 12) * value) / most;
    const text = (at: number, words: string): string =>
      `<text x="${middle.toFixed(1)}" y="${at.toFixed(1)}" text-anchor="middle" fill="${ink}" ${font}>${escaped(words)}</text>`;
    return `<rect x="${x.toFixed(1)}" y="${(floor - tall).toFixed(1)}" width="${(slot * 0.6).toFixed(1)}" height="${Math.max(tall, 0.5).toFixed(1)}" rx="1.5" fill="${color}"/>${text(floor - tall - 3, String(value))}${text(height - 4, label)}`;
  });
  return svg(width, height, parts);
}

/** A share of the width that is filled, for the cell of a table. */
export function meter(percent: number, { width, color }: { width: number; color: string }): string {
  const filled = (Math.max(0, Math.min(100, percent)) / 100) * width;
  return svg(width, 6, [
    `<rect x="0" y="1" width="${width}" height="4" rx="2" fill="${faint}"/>`,
    `<rect x="0" y="1" width="${filled.toFixed(1)}" height="4" rx="2" fill="${color}"/>`,
  ]);
}

const svg = (width: number, height: number, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join('')}</svg>`;

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' },
};
const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
