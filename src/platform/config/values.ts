import { z } from 'zod';

/** What a key says about itself: for the reference page and for reading it from the environment. */
export interface KeyFacts {
  help: string;
  kind: string;
  /** As a user would write it; absent for keys without a value of their own. */
  fallback?: string;
  secret?: boolean;
}

/** Every leaf of the schema registers its facts here; a schema object is its own key. */
export const keyFacts = new WeakMap<z.ZodType, KeyFacts>();

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const byteUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `30s`, `1h30m`, `250ms` → milliseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(ms|s|m|h|d))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * durationUnits[unit!]!, 0);
}

/** `8MiB`, `512KiB`, `100B` → bytes; undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+)(B|KiB|MiB|GiB)$/.exec(text);
  return match ? Number(match[1]) * byteUnits[match[2]!]! : undefined;
}

function key<T extends z.ZodType>(schema: T, facts: KeyFacts): T {
  keyFacts.set(schema, facts);
  return schema;
}

function parsed<T>(parse: (text: string) => T | undefined, expected: string) {
  return z.unknown().transform((input, context): T => {
    const value =
      typeof input === 'string' || typeof input === 'number' ? parse(String(input)) : undefined;
    if (value !== undefined) return value;
    context.addIssue(`expected ${expected}`);
    return z.NEVER;
  });
}

/** Milliseconds, written with a unit. */
export function duration(fallback: string, help: string) {
  const schema = parsed(parseDuration, 'a duration such as 30s, 5m, 1h30m or 7d');
  return key(schema.prefault(fallback), { help, kind: 'duration', fallback });
}

/** Bytes, written with a unit. */
export function bytes(fallback: string, help: string) {
  const schema = parsed(parseBytes, 'a size such as 512KiB, 8MiB or 2GiB');
  return key(schema.prefault(fallback), { help, kind: 'size', fallback });
}

export function integer(fallback: number, help: string, range: { min: number; max: number }) {
  const schema = parsed((text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
    return value >= range.min && value <= range.max ? value : undefined;
  }, `a whole number from ${range.min} to ${range.max}`);
  return key(schema.prefault(fallback), { help, kind: 'integer', fallback: String(fallback) });
}

const switchWords: Readonly<Record<string, boolean>> = {
  true: true,
  on: true,
  '1': true,
  false: false,
  off: false,
  '0': false,
};

export function flag(fallback: boolean, help: string) {
  const schema = z.unknown().transform((input, context): boolean => {
    const value = typeof input === 'boolean' ? input : switchWords[String(input)];
    if (value !== undefined) return value;
    context.addIssue('expected true or false');
    return z.NEVER;
  });
  return key(schema.prefault(fallback), { help, kind: 'boolean', fallback: String(fallback) });
}

export function text(fallback: string, help: string) {
  return key(z.string().min(1).prefault(fallback), { help, kind: 'text', fallback });
}

export function optionalText(help: string) {
  return key(z.string().min(1).optional(), { help, kind: 'text' });
}

/** Kept apart from the configuration, and never printed. */
export function secretText(help: string) {
  return key(z.string().min(1).optional(), { help, kind: 'text', secret: true });
}

export function optionalUrl(help: string) {
  const schema = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).optional();
  return key(schema, { help, kind: 'URL' });
}

export function choice<const T extends readonly string[]>(
  words: T,
  fallback: T[number],
  help: string,
) {
  const schema = z.enum(words, { error: `expected one of ${words.join(', ')}` }).prefault(fallback);
  return key(schema, { help, kind: words.map((word) => `\`${word}\``).join(' or '), fallback });
}

/** A YAML list, or words with commas between them. */
export function list<T extends z.ZodType>(item: T, fallback: string, help: string) {
  const schema = z.preprocess(
    (input) =>
      typeof input === 'string'
        ? input
            .split(',')
            .map((word) => word.trim())
            .filter(Boolean)
        : input,
    z.array(item),
  );
  return key(schema.prefault(fallback), { help, kind: 'list', fallback });
}

/** A YAML mapping, or `name=value` with commas between them. */
export function mapping(help: string) {
  const schema = z.preprocess(
    (input) =>
      typeof input === 'string'
        ? Object.fromEntries(input.split(',').filter(Boolean).map(splitPair))
        : input,
    z.record(z.string(), z.string().min(1)),
  );
  return key(schema.prefault({}), { help, kind: 'mapping of names to values', fallback: '' });
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

/** Several keys under one name. */
export function group<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape).prefault({} as never);
}
