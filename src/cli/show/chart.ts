import { figure } from './text.ts';

/** A value at each moment; null where there is none. */
export type Values = readonly (number | null)[];

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

interface Span {
  min: number;
  max: number;
}

export interface Summary extends Span {
  avg: number;
  last: number;
}

/** Undefined where there is no finite value. */
export function summaryOf(values: Values): Summary | undefined {
  const finite = values.filter((value) => value !== null && Number.isFinite(value)) as number[];
  if (finite.length === 0) return undefined;
  return {
    min: finite.reduce((least, value) => Math.min(least, value), Infinity),
    max: finite.reduce((most, value) => Math.max(most, value), -Infinity),
    avg: finite.reduce((sum, value) => sum + value, 0) / finite.length,
    last: finite.at(-1)!,
  };
}

/** At most so many values: each the mean of those that it stands for. */
export function thin(values: Values, most: number): (number | null)[] {
  if (values.length <= most) return [...values];
  return Array.from({ length: most }, (_, index) => {
    const from = Math.floor((index * values.length) / most);
    const to = Math.max(from + 1, Math.floor(((index + 1) * values.length) / most));
    return summaryOf(values.slice(from, to))?.avg ?? null;
  });
}

/** One line of bars, a space where there is no value. */
export function sparkline(values: Values, width: number): string {
  const shown = thin(values, width);
  const span = summaryOf(shown);
  return shown.map((value) => (span ? barOf(value, span) : ' ')).join('');
}

function barOf(value: number | null, span: Span): string {
  if (value === null || !Number.isFinite(value)) return ' ';
  return bars[Math.round(heightOf(value, span) * (bars.length - 1))]!;
}

/** 0 to 1; a flat line is drawn in the middle. */
const heightOf = (value: number, { min, max }: Span): number =>
  max === min ? 0.5 : (value - min) / (max - min);

interface ChartSize {
  columns: number;
  rows: number;
}

/** Bars over a scale: `rows` lines with the highest value above and the lowest below. */
export function chart(values: Values, { columns, rows }: ChartSize): string[] {
  const span = summaryOf(values);
  if (!span) return [];
  const labels = [span.max, span.min].map(figure);
  const margin = Math.max(...labels.map((label) => label.length));
  const shown = thin(values, Math.max(1, columns - margin - 2));
  return Array.from({ length: rows }, (_, row) => {
    const label = row === 0 ? labels[0]! : row === rows - 1 ? labels[1]! : '';
    const floor = rows - 1 - row;
    const cells = shown.map((value) => cellOf(value, span, { floor, rows }));
    return `${label.padStart(margin)} ┤${cells.join('')}`.trimEnd();
  });
}

/** Eighths of one cell; the lowest value still shows its first. */
function cellOf(
  value: number | null,
  span: Span,
  { floor, rows }: { floor: number; rows: number },
): string {
  if (value === null || !Number.isFinite(value)) return ' ';
  const eighths = Math.max(1, Math.round(heightOf(value, span) * rows * bars.length));
  const here = eighths - floor * bars.length;
  return here <= 0 ? ' ' : bars[Math.min(here, bars.length) - 1]!;
}
