import { formatFloat } from './float.ts';

const large = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
const large1024 = ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'];
const small = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y'];

/** All after prometheus/common `helpers/templates`: four significant digits. */
function significant(value: number): string {
  return formatFloat(value, 'g', 4);
}

function scaledUp(value: number, prefixes: readonly string[], step: number): string {
  let rest = value;
  let prefix = '';
  for (const next of prefixes) {
    if (Math.abs(rest) < step) break;
    prefix = next;
    rest /= step;
  }
  return significant(rest) + prefix;
}

function scaledDown(value: number): string {
  let rest = value;
  let prefix = '';
  for (const next of small) {
    if (Math.abs(rest) >= 1) break;
    prefix = next;
    rest *= 1000;
  }
  return significant(rest) + prefix;
}

/** SI prefixes. */
export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return significant(value);
  return Math.abs(value) >= 1 ? scaledUp(value, large, 1000) : scaledDown(value);
}

/** Binary prefixes; nothing below one. */
export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return significant(value);
  return scaledUp(value, large1024, 1024);
}

/** Of a ratio. */
export function humanizePercentage(value: number): string {
  return `${significant(value * 100)}%`;
}

/** Of seconds: `1d 2h 3m 4s`, below a second with a prefix. */
export function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return significant(value);
  if (value === 0) return '0s';
  if (Math.abs(value) < 1) return `${scaledDown(value)}s`;
  const sign = value < 0 ? '-' : '';
  const size = Math.abs(value);
  // A conversion to int64 that does not fit gives its least value on amd64.
  const whole = size >= 2 ** 63 ? -(2n ** 63n) : BigInt(Math.trunc(size));
  const seconds = whole % 60n;
  const minutes = (whole / 60n) % 60n;
  const hours = (whole / 3600n) % 24n;
  const days = whole / 86_400n;
  if (days !== 0n) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`;
  if (hours !== 0n) return `${sign}${hours}h ${minutes}m ${seconds}s`;
  if (minutes !== 0n) return `${sign}${minutes}m ${seconds}s`;
  return `${sign}${significant(size)}s`;
}
