const unitMs: Readonly<Record<string, number>> = {
  y: 365 * 86_400_000,
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

const durationPattern =
  /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Largest duration Prometheus can hold: int64 nanoseconds, in milliseconds. */
const maxDurationMs = 9_223_372_036_854;

/** Milliseconds of `1h30m`, `500ms`, …; units in falling order, each at most once (prometheus/common model.ParseDuration). */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = text === '' ? null : durationPattern.exec(text);
  if (!parts) return undefined;
  const total = Object.values(unitMs).reduce(
    (sum, ms, index) => sum + ms * Number(parts[index + 1] ?? 0),
    0,
  );
  return total > maxDurationMs ? undefined : total;
}

/** The shortest text as Prometheus prints it: years and weeks only where they divide exactly. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let rest = Math.abs(ms);
  let text = ms < 0 ? '-' : '';
  for (const [unit, size] of Object.entries(unitMs)) {
    const exactOnly = unit === 'y' || unit === 'w';
    const count = Math.floor(rest / size);
    if (count === 0 || (exactOnly && rest % size !== 0)) continue;
    text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** A number literal: decimal, exponent, hex, with `_` between digits, Inf and NaN in any case. */
export function parseNumber(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (lower === 'inf') return Infinity;
  if (lower === 'nan') return NaN;
  if (/^_|__|_$|_[.ex]|[.ex]_/.test(lower)) return undefined;
  const digits = lower.replaceAll('_', '');
  if (/^0x[0-9a-f]+$/.test(digits)) return Number(digits);
  if (/^0[0-7]+$/.test(digits)) return parseInt(digits, 8);
  if (!/^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(digits)) return undefined;
  return Number(digits);
}

/** Go's `FormatFloat(v, 'f', -1, 64)`: shortest digits that round-trip, never an exponent. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [mantissa = '', exponent] = value.toString().split('e');
  if (exponent === undefined) return mantissa;
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits + '0'.repeat(point - digits.length);
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const escapePattern =
  /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]|$))/g;

/** The content of a quoted literal, or undefined where an escape is not one of Go's. */
export function unquote(literal: string): string | undefined {
  const quotes = literal.slice(0, 1);
  const inner = literal.slice(1, -1);
  if (quotes === '`') return inner.replaceAll('\r', '');
  let invalid = 0;
  const text = inner.replace(escapePattern, (_all, ...groups) => {
    const character = unescape(groups as (string | undefined)[], quotes);
    if (character === undefined) invalid++;
    return character ?? '';
  });
  return invalid === 0 ? text : undefined;
}

function unescape(groups: readonly (string | undefined)[], quotes: string): string | undefined {
  const [simple, hex, octal, short, long] = groups;
  if (simple !== undefined) {
    const otherQuote = (simple === '"' || simple === "'") && simple !== quotes;
    return otherQuote ? undefined : simpleEscapes[simple];
  }
  // A byte above 0x7f written by \x or octal is not a character by itself; Prometheus would store raw bytes.
  if (hex !== undefined) return characterOf(parseInt(hex, 16), 0x7f);
  if (octal !== undefined) return characterOf(parseInt(octal, 8), 0x7f);
  return characterOf(parseInt(short ?? long ?? '', 16), 0x10ffff);
}

function characterOf(code: number, limit: number): string | undefined {
  const surrogate = code >= 0xd800 && code <= 0xdfff;
  return code <= limit && !surrogate ? String.fromCodePoint(code) : undefined;
}

const printedEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** Go's `%q`, which PromQL and MetricsQL both read. */
export function quote(text: string): string {
  const body = text.replace(/[\\"\p{Cc}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const known = printedEscapes[character];
    if (known !== undefined) return known;
    return code < 0x80
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${body}"`;
}
