import { isIP } from 'node:net';
import { RE2JS, type Matcher } from 're2js';
import { parsePromDuration } from '../duration.ts';
import { builtins } from './builtins.ts';
import { formatFloat } from './float.ts';
import { compareBytes, formatValue } from './format.ts';
import type { TemplateFunction } from './function.ts';
import { humanize, humanize1024, humanizeDuration, humanizePercentage } from './humanize.ts';
import { Html, isSlice, Moment, Sample, Span, type Value } from './value.ts';

/** Go's conversion of what a humanising function is given. */
function toFloat(value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Span) return Number(value.nanoseconds) / 1e9;
  if (typeof value !== 'string') throw new Error(`can't convert ${kindOf(value)} to float`);
  const text = value.toLowerCase();
  if (/^[+-]?(?:inf|infinity)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^[+-]?nan$/.test(text)) return NaN;
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(text)) return Number(text);
  throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
}

function kindOf(value: Value): string {
  if (value === null) return '<nil>';
  return value instanceof Sample
    ? '*template.sample'
    : typeof value === 'boolean'
      ? 'bool'
      : 'value';
}

function overNumber(format: (value: number) => Value): TemplateFunction {
  return {
    parameters: ['any'],
    call: ([value = null]) => format(toFloat(value)),
  };
}

function overText(change: (text: string) => Value): TemplateFunction {
  return { parameters: ['string'], call: ([text]) => change(text as string) };
}

function overSample(read: (sample: Sample) => Value): TemplateFunction {
  return { parameters: ['sample'], call: ([sample]) => read(sample as Sample) };
}

/** time.Time of seconds; prometheus/common keeps milliseconds. */
function toMoment(seconds: number): Value {
  const nanoseconds = seconds * 1e9;
  if (Number.isNaN(nanoseconds) || Math.abs(nanoseconds) > 2 ** 63) {
    throw new Error(
      `${formatFloat(seconds, 'g')} cannot be represented as a nanoseconds timestamp since it overflows int64`,
    );
  }
  return new Moment(Math.floor(Number(BigInt(Math.trunc(nanoseconds)) / 1_000_000n)));
}

function pattern(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    throw new Error((error as Error).message, { cause: error });
  }
}

/** net.SplitHostPort; undefined where it gives an error. */
function splitHostPort(text: string): { host: string; port: string } | undefined {
  const parts = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^[\]:]*)$/.exec(text);
  return parts ? { host: parts[1] ?? parts[2] ?? '', port: parts[3] ?? '' } : undefined;
}

function stripDomain(text: string): string {
  const parts = splitHostPort(text);
  const host = parts?.host ?? text;
  if (isIP(host) !== 0) return text;
  const short = host.split('.')[0] ?? '';
  return parts && parts.port !== '' ? `${short}:${parts.port}` : short;
}

/** url.QueryEscape. */
export function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

/** cases.Title without lowering: the first letter of each word. */
function title(text: string): string {
  return text.replace(/(?<![\p{L}\p{N}_'’])\p{L}/gu, (letter) => letter.toUpperCase());
}

function graph(expression: string, tab: 0 | 1): string {
  return `/graph?g0.expr=${queryEscape(expression)}&g0.tab=${tab}`;
}

const overQueries: Readonly<Record<string, TemplateFunction>> = {
  query: {
    parameters: ['string'],
    call: ([text], { query }) => query(text as string).map((row) => new Sample(row)),
  },
  first: {
    parameters: ['result'],
    call: ([result]) => {
      const [first] = result as readonly Sample[];
      if (first === undefined) throw new Error('first() called on vector with no elements');
      return first;
    },
  },
  label: {
    parameters: ['string', 'sample'],
    call: ([name, sample]) => (sample as Sample).labels.get(name as string) ?? '',
  },
  value: overSample((sample) => sample.value),
  strvalue: overSample((sample) => sample.labels.get('__value__') ?? ''),
  sortByLabel: {
    parameters: ['string', 'result'],
    call: ([name, result]) => {
      const key = (value: Value): string => (value as Sample).labels.get(name as string) ?? '';
      return [...(isSlice(result ?? null) ? (result as readonly Value[]) : [])].sort((a, b) =>
        compareBytes(key(a), key(b)),
      );
    },
  },
};

const overTexts: Readonly<Record<string, TemplateFunction>> = {
  title: overText(title),
  toUpper: overText((text) => text.toUpperCase()),
  toLower: overText((text) => text.toLowerCase()),
  safeHtml: overText((text) => new Html(text)),
  urlQueryEscape: overText(queryEscape),
  graphLink: overText((expression) => graph(expression, 0)),
  tableLink: overText((expression) => graph(expression, 1)),
  stripPort: overText((text) => splitHostPort(text)?.host ?? text),
  stripDomain: overText(stripDomain),
  parseDuration: overText((text) => {
    const ms = parsePromDuration(text);
    if (ms === undefined) throw new Error(`not a valid duration string: ${JSON.stringify(text)}`);
    return ms / 1000;
  }),
  match: {
    parameters: ['string', 'string'],
    call: ([source, text]) =>
      pattern(source as string)
        .matcher(text as string)
        .find(),
  },
  reReplaceAll: {
    parameters: ['string', 'string', 'string'],
    call: ([source, replacement, text]) =>
      replaceAll(pattern(source as string), replacement as string, text as string),
  },
};

/** regexp.ReplaceAllString: no empty match directly behind another match. */
function replaceAll(expression: RE2JS, replacement: string, text: string): string {
  const matcher = expression.matcher(text);
  let output = '';
  let end = 0;
  let previousEnd = -1;
  while (matcher.find()) {
    if (matcher.start() === matcher.end() && matcher.start() === previousEnd) continue;
    output += text.slice(end, matcher.start()) + expandGroups(matcher, expression, replacement);
    end = previousEnd = matcher.end();
  }
  return output + text.slice(end);
}

/** regexp.Expand: `$1x` is the group `1x`, and a group that does not exist is empty. */
function expandGroups(matcher: Matcher, expression: RE2JS, replacement: string): string {
  return replacement.replace(
    /\$(?:(\$)|\{(\w+)\}|(\w+))/g,
    (_all, dollar: string | undefined, braced?: string, plain?: string) => {
      if (dollar !== undefined) return '$';
      const name = braced ?? plain ?? '';
      const index = /^\d+$/.test(name) ? Number(name) : expression.namedGroups()[name];
      return index === undefined || index > matcher.groupCount()
        ? ''
        : (matcher.group(index) ?? '');
    },
  );
}

const ofTheEvaluation: Readonly<Record<string, TemplateFunction>> = {
  now: { parameters: [], call: (_args, { atMs }) => atMs / 1000 },
  externalURL: {
    parameters: [],
    call: (_args, { externalUrl }) => externalUrl,
  },
  pathPrefix: {
    parameters: [],
    call: (_args, { externalUrl }) => {
      const path = URL.canParse(externalUrl) ? new URL(externalUrl).pathname : '';
      return path === '/' && !externalUrl.endsWith('/') ? '' : path;
    },
  },
  args: {
    parameters: [],
    rest: 'any',
    call: (args) => new Map(args.map((arg, index) => [`arg${index}`, arg] as const)),
  },
};

const overNumbers: Readonly<Record<string, TemplateFunction>> = {
  humanize: overNumber(humanize),
  humanize1024: overNumber(humanize1024),
  humanizeDuration: overNumber(humanizeDuration),
  humanizePercentage: overNumber(humanizePercentage),
  humanizeTimestamp: overNumber((value) =>
    Number.isFinite(value) ? formatValue(toMoment(value)) : formatFloat(value, 'g', 4),
  ),
  toTime: overNumber(toMoment),
  toDuration: overNumber((seconds) => new Span(BigInt(Math.trunc(seconds * 1e9)))),
};

/** All functions of a rule's template: Prometheus's and those of `text/template` itself. */
export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries({
    ...builtins,
    ...overQueries,
    ...overTexts,
    ...overNumbers,
    ...ofTheEvaluation,
  }),
);
