import { GaugewayError } from '../platform/index.ts';
import { ParseError } from './promql/lexer.ts';
import { parseDuration } from './promql/literals.ts';

/** A client's arguments: URL and form together, in the order they came. Only the endpoint's own are ever read. */
export type Arguments = URLSearchParams;

/** Go's strconv.ParseFloat, without hexadecimal and underscores. */
const floatPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const infinityPattern = /^([+-]?)inf(?:inity)?$/i;

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.(\d+))?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** What Prometheus accepts as the first and the last time there can be. */
const edges: Readonly<Record<string, number>> = {
  '-292273086-05-16T16:47:06Z': -8_640_000_000_000_000,
  '292277025-08-18T07:12:54.999999999Z': 8_640_000_000_000_000,
};

const maxDurationSeconds = 9_223_372_036;

function badParameter(name: string, reason: string): GaugewayError {
  return new GaugewayError('BAD_REQUEST', `invalid parameter "${name}": ${reason}`);
}

/** The only value of an argument; empty counts as absent, as in Go's FormValue. Twice: 400, since one of them would be ignored. */
export function scalar(args: Arguments, name: string): string | undefined {
  const values = args.getAll(name);
  if (values.length > 1) throw badParameter(name, 'given more than once');
  return values[0] === '' ? undefined : values[0];
}

function parseFloatStrict(text: string): number | undefined {
  if (floatPattern.test(text)) return Number(text);
  const infinite = infinityPattern.exec(text);
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity;
  return undefined;
}

/** Milliseconds of Unix seconds or RFC 3339, as Prometheus's `parseTime` (web/api/v1/api.go). */
export function parseTimeMs(text: string): number | undefined {
  const seconds = parseFloatStrict(text);
  if (seconds !== undefined) {
    const ms = Math.round(seconds * 1000);
    return Number.isSafeInteger(ms) ? ms : undefined;
  }
  if (Object.hasOwn(edges, text)) return edges[text];
  const parts = rfc3339.exec(text);
  if (!parts) return undefined;
  // Date.parse reads three fractional digits for sure; more are cut, as Prometheus cuts to milliseconds.
  const ms = Date.parse(text.replace(/\.\d+/, `.${(parts[1] ?? '').padEnd(3, '0').slice(0, 3)}`));
  return Number.isNaN(ms) ? undefined : ms;
}

/** Milliseconds since the epoch. Throws 400 with Prometheus's words. */
export function timeMs(args: Arguments, name: string, fallback: number): number {
  const text = scalar(args, name);
  return text === undefined ? fallback : readTime(name, text);
}

export function requiredTimeMs(args: Arguments, name: string): number {
  return readTime(name, scalar(args, name) ?? '');
}

function readTime(name: string, text: string): number {
  const ms = parseTimeMs(text);
  if (ms === undefined) {
    throw badParameter(name, `cannot parse ${JSON.stringify(text)} to a valid timestamp`);
  }
  return ms;
}

/** Milliseconds of seconds as a float or of a PromQL duration. Throws 400 with Prometheus's words. */
export function durationMs(name: string, text: string): number {
  const seconds = parseFloatStrict(text);
  const shown = JSON.stringify(text);
  if (seconds !== undefined && Math.abs(seconds) > maxDurationSeconds) {
    throw badParameter(name, `cannot parse ${shown} to a valid duration. It overflows int64`);
  }
  const ms = seconds === undefined ? parseDuration(text) : seconds * 1000;
  if (ms === undefined) throw badParameter(name, `cannot parse ${shown} to a valid duration`);
  return ms;
}

/** The query's step, milliseconds, at least one. */
export function stepMs(args: Arguments): number {
  const ms = durationMs('step', scalar(args, 'step') ?? '');
  if (ms <= 0) {
    throw badParameter(
      'step',
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
  }
  return Math.max(1, Math.floor(ms));
}

/** The client's own deadline, bounded by ours; milliseconds. */
export function timeoutMs(args: Arguments, maxMs: number): number {
  const text = scalar(args, 'timeout');
  if (text === undefined) return maxMs;
  return Math.max(1, Math.min(maxMs, durationMs('timeout', text)));
}

/** Zero and absent mean no limit. */
export function limit(args: Arguments): number {
  const text = scalar(args, 'limit');
  if (text === undefined) return 0;
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw badParameter('limit', `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (Number(text) < 0) throw badParameter('limit', 'limit must be non-negative');
  return Number(text);
}

/** Runs a parser over an argument, so that its error names the argument as Prometheus does. */
export function parsed<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof ParseError) throw badParameter(name, error.message);
    throw error;
  }
}

/** `start` and `end` of the label endpoints: default all that is kept; an end before the start is the client's mistake. */
export function timeRange(
  args: Arguments,
  defaults: { startMs: number; endMs: number },
): { startMs: number; endMs: number } {
  const startMs = timeMs(args, 'start', defaults.startMs);
  const endMs = timeMs(args, 'end', defaults.endMs);
  if (endMs < startMs) throw badParameter('end', 'end timestamp must not be before start time');
  return { startMs, endMs };
}
