/** What a server says may hold anything; a terminal obeys control characters. */
export function plain(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '�');
}

const segmenter = new Intl.Segmenter();
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}/u;

/** Columns that a text takes up: two for each East Asian character and emoji, none for what only modifies. */
export function widthOf(text: string): number {
  // Nearly all text, and tables have thousands of cells.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}

/** At most so many columns; what is left out is one `…`. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

const steps = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `12 s ago`, `3 h ago`, `in 2 d`; `never` where there is no time. */
export function ago(time: string | null | undefined, nowMs: number): string {
  if (time === null || time === undefined) return 'never';
  const at = Date.parse(time);
  if (Number.isNaN(at)) return plain(time);
  const seconds = Math.round((nowMs - at) / 1_000);
  const size = Math.abs(seconds);
  const [unit, length] = steps.find(([, of]) => size >= of) ?? ['s', 1];
  const text = `${String(Math.floor(size / length))} ${unit}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** A moment as people read it, in UTC: `2026-11-23 09:41:32`. */
export const moment = (time: string | null | undefined): string =>
  time === null || time === undefined
    ? '-'
    : plain(time)
        .replace('T', ' ')
        .replace(/(\.\d+)?Z$/, '');

/** At most four digits that count: `93.42`, `0.001234`, `1.2e+9`. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-4)) return value.toExponential(2);
  return String(size >= 1_000 ? Math.round(value) : Number(value.toPrecision(4)));
}

/** `role=web zone=eu`, sorted. */
export const pairs = (of: Readonly<Record<string, string>>): string =>
  Object.entries(of)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => plain(`${name}=${value}`))
    .join(' ');

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${String(count)} ${count === 1 ? one : many}`;

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `0 B`, `1.5 MiB`. */
export function byteText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < byteUnits.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${byteUnits[unit] ?? ''}`;
}
