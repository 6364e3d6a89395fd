import { formatFloat, type FloatVerb } from './float.ts';
import { quoteGo } from './quote.ts';
import {
  Html,
  isMap,
  isSlice,
  Moment,
  Sample,
  Span,
  Struct,
  typeName,
  type Value,
} from './value.ts';

/** Go's `fmt.Sprint` of one value (`%v`). */
export function formatValue(value: Value): string {
  if (value === null) return '<nil>';
  if (isMap(value)) return formatMap(value);
  if (isSlice(value)) return `[${value.map(formatValue).join(' ')}]`;
  if (value instanceof Html) return value.text;
  if (value instanceof Moment) return formatMoment(value);
  if (value instanceof Span) return formatSpan(value.nanoseconds);
  if (value instanceof Sample) return `{${formatMap(value.labels)} ${formatValue(value.value)}}`;
  if (value instanceof Struct) return `{${[...value.fields.values()].map(formatValue).join(' ')}}`;
  return typeof value === 'number' ? formatFloat(value, 'g') : String(value);
}

/** What an action writes: like `%v`, but nothing at all has words of its own. */
export function printed(value: Value): string {
  return value === null ? '<no value>' : formatValue(value);
}

function formatMap(map: ReadonlyMap<string, Value>): string {
  const keys = [...map.keys()].sort(compareBytes);
  return `map[${keys.map((key) => `${key}:${formatValue(map.get(key) ?? null)}`).join(' ')}]`;
}

/** Go orders strings by bytes, which is the order of code points. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** `time.Time.String()` in UTC. */
function formatMoment({ ms }: Moment): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const [day = '', rest = ''] = date.toISOString().split('T');
  const fraction = rest.slice(8, -1).replace(/\.?0+$/, '');
  return `${day.replace(/^\+0*/, '')} ${rest.slice(0, 8)}${fraction} +0000 UTC`;
}

const nanosecondsPerSecond = 1_000_000_000n;

/** `time.Duration.String()`. */
function formatSpan(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  for (const [unit, digits] of [
    ['ns', 0],
    ['µs', 3],
    ['ms', 6],
  ] as const) {
    if (size < 10n ** BigInt(digits + 3)) return `${sign}${decimal(size, digits)}${unit}`;
  }
  const seconds = size % (60n * nanosecondsPerSecond);
  const minutes = size / (60n * nanosecondsPerSecond);
  const tail = `${decimal(seconds, 9)}s`;
  if (minutes === 0n) return sign + tail;
  const hours = minutes / 60n;
  return `${sign}${hours > 0n ? `${hours}h` : ''}${minutes % 60n}m${tail}`;
}

function decimal(value: bigint, digits: number): string {
  const text = value.toString().padStart(digits + 1, '0');
  if (digits === 0) return text;
  const fraction = text.slice(-digits).replace(/0+$/, '');
  return text.slice(0, -digits) + (fraction === '' ? '' : `.${fraction}`);
}

interface Directive {
  flags: string;
  width: number;
  precision: number | undefined;
  verb: string;
}

const directive = /%([-+# 0]*)(\d*)(?:(\.)(\d*))?(.|$)/gsu;

/** `fmt.Sprintf`, for the verbs that text, numbers and truth values have; wrong uses print what Go prints. */
export function sprintf(format: string, args: readonly Value[]): string {
  let used = 0;
  const text = format.replace(directive, (_all, ...groups) => {
    const [flags = '', width, dot, digits, verb = ''] = groups as (string | undefined)[];
    if (verb === '%') return '%';
    if (verb === '') return '%!(NOVERB)';
    if (used >= args.length) return `%!${verb}(MISSING)`;
    const precision = dot === undefined ? undefined : Number(digits);
    return formatOne(args[used++]!, {
      flags,
      width: Number(width),
      precision,
      verb,
    });
  });
  if (used >= args.length) return text;
  const extra = args
    .slice(used)
    .map((arg) => (arg === null ? '<nil>' : `${typeName(arg)}=${formatValue(arg)}`));
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

function formatOne(value: Value, how: Directive): string {
  if (how.verb === 'T') return padded(typeName(value), how);
  const text = typed(value, how);
  if (text !== undefined) return text;
  if (how.verb === 'v') return padded(formatValue(value), how);
  const shown = value === null ? '<nil>' : `${typeName(value)}=${formatValue(value)}`;
  return `%!${how.verb}(${shown})`;
}

function typed(value: Value, how: Directive): string | undefined {
  if (value instanceof Html) return formatText(value.text, how);
  switch (typeof value) {
    case 'number':
      return formatNumber(value, how);
    case 'bigint':
      return formatInteger(value, how);
    case 'string':
      return formatText(value, how);
    case 'boolean':
      return how.verb === 't' || how.verb === 'v' ? padded(String(value), how) : undefined;
    default:
      if (value instanceof Span && how.verb === 'd') return formatInteger(value.nanoseconds, how);
      return how.verb === 's' && value !== null ? padded(formatValue(value), how) : undefined;
  }
}

function padded(text: string, { flags, width }: Directive): string {
  const missing = width - Array.from(text).length;
  if (missing <= 0) return text;
  return flags.includes('-') ? text + ' '.repeat(missing) : ' '.repeat(missing) + text;
}

/** With sign and, where asked, zeros between the sign and the digits. */
function paddedNumber(text: string, how: Directive, zeros: boolean): string {
  const sign = /^[+-]/.test(text) ? text.slice(0, 1) : '';
  const digits = text.slice(sign.length);
  let shown = sign;
  if (sign !== '-') shown = how.flags.includes('+') ? '+' : how.flags.includes(' ') ? ' ' : '';
  const missing = how.width - shown.length - digits.length;
  if (missing > 0 && zeros && how.flags.includes('0') && !how.flags.includes('-')) {
    return shown + '0'.repeat(missing) + digits;
  }
  return padded(shown + digits, how);
}

function formatNumber(value: number, how: Directive): string | undefined {
  const verb = how.verb === 'v' ? 'g' : how.verb.toLowerCase();
  if (!['e', 'f', 'g'].includes(verb) || how.verb === 'V') return undefined;
  const precision = how.precision ?? (verb === 'g' ? undefined : 6);
  const text = formatFloat(value, verb as FloatVerb, precision);
  if (!Number.isFinite(value)) return formatUnusual(text, how);
  return paddedNumber(how.verb === 'E' || how.verb === 'G' ? text.toUpperCase() : text, how, true);
}

/** NaN and infinities: never with zeros; an infinity keeps its sign where no flag says otherwise. */
function formatUnusual(text: string, how: Directive): string {
  const plain = text.replace('+', '');
  if (plain.startsWith('-')) return padded(plain, how);
  if (how.flags.includes('+')) return padded(`+${plain}`, how);
  return padded(how.flags.includes(' ') ? ` ${plain}` : text, how);
}

const bases: Readonly<Record<string, number>> = {
  d: 10,
  v: 10,
  b: 2,
  o: 8,
  x: 16,
  X: 16,
};
const prefixes: Readonly<Record<string, string>> = {
  b: '0b',
  o: '0',
  x: '0x',
  X: '0X',
};

function formatInteger(value: bigint, how: Directive): string | undefined {
  if (how.verb === 'c') return padded(String.fromCodePoint(Number(value)), how);
  if (how.verb === 'q') return padded(`'${String.fromCodePoint(Number(value))}'`, how);
  if (how.verb === 'U')
    return padded(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, how);
  const base = bases[how.verb];
  if (base === undefined) return undefined;
  const size = (value < 0n ? -value : value).toString(base).padStart(how.precision ?? 0, '0');
  const digits = how.verb === 'X' ? size.toUpperCase() : size;
  const prefix = how.flags.includes('#') ? (prefixes[how.verb] ?? '') : '';
  return paddedNumber((value < 0n ? '-' : '') + prefix + digits, how, how.precision === undefined);
}

function formatText(text: string, how: Directive): string | undefined {
  const cut =
    how.precision === undefined ? text : Array.from(text).slice(0, how.precision).join('');
  switch (how.verb) {
    case 's':
    case 'v':
      return padded(cut, how);
    case 'q':
      return padded(how.flags.includes('#') && isRaw(cut) ? `\`${cut}\`` : quoteGo(cut), how);
    case 'x':
    case 'X': {
      const hex = Buffer.from(text).toString('hex');
      return padded(how.verb === 'X' ? hex.toUpperCase() : hex, how);
    }
    default:
      return undefined;
  }
}

/** strconv.CanBackquote. */
function isRaw(text: string): boolean {
  return !/[`\uFEFF\x7f]|[^\P{Cc}\t]/u.test(text);
}
