/** One value of an `input_series`, by its place: nothing, a stale marker, a number or a native histogram. */
export type SeriesValue =
  | { kind: 'absent' }
  | { kind: 'stale' }
  | { kind: 'float'; value: number }
  | {
      kind: 'histogram';
      fields: ReadonlyMap<string, number | readonly number[]>;
    };

/** A text that is not series notation; `at` is an offset into it. */
export class SeriesNotationError extends Error {
  override readonly name = 'SeriesNotationError';
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** What one text may become; more values are a mistake or an attack. */
const maxValues = 1_000_000;

// Without hexadecimal numbers, as in Prometheus: `0x2` is 0 and two repeats.
const number = '[+-]?(?:(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?|[iI][nN][fF]|[nN][aA][nN])';
const step = new RegExp(`^(${number})([+-])(${number.replace('[+-]?', '')})x(\\d+)$`);
const repeat = new RegExp(`^(${number})x(\\d+)$`);
const single = new RegExp(`^${number}$`);
const histogram = /^\{\{([^{}]*)\}\}(?:([+-])\{\{([^{}]*)\}\})?(?:x(\d+))?$/;
const item = /\{\{[^{}]*\}\}(?:[+-]\{\{[^{}]*\}\})?\S*|\S+/g;

/**
 * The `values` of promtool's unit tests: `1 2 3`, `a+bxN` and `axN` (N + 1 values), `_`, `_xN` (N values), `stale`,
 * `{{schema:1 sum:2 count:3 buckets:[1 2]}}` with the same repeats. Throws SeriesNotationError.
 */
export function parseSeriesValues(text: string): SeriesValue[] {
  const values: SeriesValue[] = [];
  for (const match of text.matchAll(item)) {
    for (const value of parseItem(match[0], match.index)) values.push(value);
    if (values.length > maxValues) {
      throw new SeriesNotationError(match.index, `more than ${maxValues} values`);
    }
  }
  return values;
}

function parseItem(text: string, at: number): Iterable<SeriesValue> {
  if (text === 'stale') return [{ kind: 'stale' }];
  if (text === '_') return [{ kind: 'absent' }];
  const gap = /^_x(\d+)$/.exec(text)?.[1];
  if (gap !== undefined) return repeated(Number(gap), at, () => ({ kind: 'absent' }));
  if (single.test(text)) return [{ kind: 'float', value: parseNumber(text) }];
  return parseRun(text, at) ?? parseHistogram(text, at);
}

function parseRun(text: string, at: number): Iterable<SeriesValue> | undefined {
  const [, start, sign, difference, count] = step.exec(text) ?? [];
  if (start !== undefined && difference !== undefined) {
    const by = parseNumber(difference) * (sign === '-' ? -1 : 1);
    let value = parseNumber(start) - by;
    // Added up one by one, as promtool does, so that the rounding is the same.
    return repeated(Number(count) + 1, at, () => ({
      kind: 'float',
      value: (value += by),
    }));
  }
  const [, same, times] = repeat.exec(text) ?? [];
  if (same === undefined) return undefined;
  return repeated(Number(times) + 1, at, () => ({
    kind: 'float',
    value: parseNumber(same),
  }));
}

function repeated(count: number, at: number, make: () => SeriesValue): SeriesValue[] {
  if (count > maxValues) throw new SeriesNotationError(at, `more than ${maxValues} values`);
  return Array.from({ length: count }, make);
}

function parseNumber(text: string): number {
  const lower = text.toLowerCase();
  if (lower.endsWith('inf')) return lower.startsWith('-') ? -Infinity : Infinity;
  if (lower.endsWith('nan')) return NaN;
  return Number(lower);
}

function parseHistogram(text: string, at: number): Iterable<SeriesValue> {
  const [, body, sign, growth, count] = histogram.exec(text) ?? [];
  if (body === undefined)
    throw new SeriesNotationError(at, `unexpected "${text}" in series values`);
  const start = parseHistogramFields(body, at);
  if (growth === undefined) {
    return repeated(Number(count ?? 0) + 1, at, () => ({
      kind: 'histogram',
      fields: start,
    }));
  }
  const by = parseHistogramFields(growth, at);
  const direction = sign === '-' ? -1 : 1;
  let index = 0;
  return repeated(Number(count ?? 0) + 1, at, () => ({
    kind: 'histogram',
    fields: grown(start, by, direction * index++),
  }));
}

const histogramKeys = new Set([
  'schema',
  'sum',
  'count',
  'z_bucket',
  'z_bucket_w',
  'buckets',
  'offset',
  'n_buckets',
  'n_offset',
  'custom_values',
  'counter_reset_hint',
]);

function parseHistogramFields(body: string, at: number): Map<string, number | readonly number[]> {
  const fields = new Map<string, number | readonly number[]>();
  for (const [all, key = '', list, plain] of body.matchAll(
    /(\w+)\s*:\s*(?:\[([^\]]*)\]|(\S+))|\S+/g,
  )) {
    if (!histogramKeys.has(key))
      throw new SeriesNotationError(at, `bad histogram descriptor "${all}"`);
    if (key === 'counter_reset_hint') continue;
    const value = list === undefined ? parseNumber(plain ?? '') : numbersOf(list);
    fields.set(key, value);
  }
  return fields;
}

function numbersOf(list: string): number[] {
  return list.trim() === '' ? [] : list.trim().split(/\s+/).map(parseNumber);
}

/** What stays as it is while the counts grow. */
const shape = new Set(['schema', 'z_bucket_w', 'offset', 'n_offset', 'custom_values']);

function grown(
  start: ReadonlyMap<string, number | readonly number[]>,
  by: ReadonlyMap<string, number | readonly number[]>,
  times: number,
): Map<string, number | readonly number[]> {
  const result = new Map(start);
  for (const [key, growth] of by) {
    const base = start.get(key);
    if (shape.has(key)) continue;
    if (typeof growth === 'number') {
      result.set(key, (typeof base === 'number' ? base : 0) + growth * times);
      continue;
    }
    const list = Array.isArray(base) ? (base as readonly number[]) : [];
    const length = Math.max(list.length, growth.length);
    result.set(
      key,
      Array.from({ length }, (_, i) => (list[i] ?? 0) + (growth[i] ?? 0) * times),
    );
  }
  return result;
}
