/** Decimal digits `d1 d2 …` of a finite value: it is `0.d1d2… × 10^point`. */
interface Digits {
  text: string;
  point: number;
}

/** The exact decimal expansion is never longer for a float64 whose last digit decides a tie. */
const exactDigits = 100;

function shortest(value: number): Digits {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  return { text: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}

/** Rounded to `count` digits (none or fewer give an empty text), ties to even as strconv does; JavaScript rounds them up. */
function rounded(value: number, count: (point: number) => number): Digits {
  if (value === 0) return { text: '0', point: 1 };
  const [mantissa = '', exponent = '0'] = value.toExponential(exactDigits).split('e');
  const all = mantissa.replace('.', '');
  const point = Number(exponent) + 1;
  const keep = count(point);
  if (keep < 0) return { text: '', point };
  const kept = all.slice(0, keep);
  if (!roundsUp(kept, all.slice(keep))) return { text: kept, point };
  const next = (BigInt(kept === '' ? '0' : kept) + 1n).toString().padStart(keep, '0');
  if (next.length <= keep) return { text: next, point };
  return { text: next.slice(0, Math.max(keep, 1)), point: point + 1 };
}

function roundsUp(kept: string, rest: string): boolean {
  const first = rest.charCodeAt(0) - 48;
  if (rest === '' || first < 5) return false;
  if (first > 5 || /[1-9]/.test(rest.slice(1))) return true;
  return (kept.charCodeAt(kept.length - 1) - 48) % 2 === 1;
}

function asExponent({ text, point }: Digits, decimals: number): string {
  const fraction = text.slice(1).padEnd(decimals, '0');
  const exponent = text === '0' || text === '' ? 0 : point - 1;
  const sign = exponent < 0 ? '-' : '+';
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `${text.slice(0, 1)}${fraction === '' ? '' : `.${fraction}`}e${sign}${digits}`;
}

function asFixed({ text, point }: Digits, decimals: number): string {
  const whole = point > 0 ? text.slice(0, point).padEnd(point, '0') : '0';
  if (decimals === 0) return whole;
  const fraction = point > 0 ? text.slice(point) : '0'.repeat(Math.min(-point, decimals)) + text;
  return `${whole}.${fraction.slice(0, decimals).padEnd(decimals, '0')}`;
}

function fixed(value: number, precision: number): string {
  if (value >= 1e21)
    return BigInt(value).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '');
  return asFixed(
    rounded(value, (point) => point + precision),
    precision,
  );
}

function general(value: number, precision: number | undefined): string {
  const wanted = precision === 0 ? 1 : precision;
  const digits = wanted === undefined ? shortest(value) : rounded(value, () => wanted);
  const significant = digits.text.replace(/0+$/, '') || '0';
  const exponent = value === 0 ? 0 : digits.point - 1;
  let limit = wanted ?? 6;
  if (wanted !== undefined && limit > significant.length && significant.length >= digits.point) {
    limit = significant.length;
  }
  const trimmed = { text: significant, point: digits.point };
  if (exponent < -4 || exponent >= limit) return asExponent(trimmed, significant.length - 1);
  return asFixed(trimmed, Math.max(significant.length - digits.point, 0));
}

export type FloatVerb = 'e' | 'f' | 'g';

/**
 * strconv.FormatFloat(value, verb, precision, 64), byte for byte; without precision the fewest digits that tell the
 * value apart. NaN and infinities as `NaN`, `+Inf`, `-Inf`.
 */
export function formatFloat(value: number, verb: FloatVerb, precision?: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (verb === 'g') return sign + general(size, precision);
  if (verb === 'e') {
    const digits = precision === undefined ? shortest(size) : rounded(size, () => precision + 1);
    return sign + asExponent(digits, precision ?? digits.text.length - 1);
  }
  if (precision !== undefined) return sign + fixed(size, precision);
  const digits = shortest(size);
  return sign + asFixed(digits, Math.max(digits.text.length - digits.point, 0));
}
