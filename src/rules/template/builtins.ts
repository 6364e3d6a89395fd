import type { TemplateFunction } from './function.ts';
import { compareBytes, formatValue, sprintf } from './format.ts';
import { Html, isMap, isSlice, isTrue, typeName, type Value } from './value.ts';

/** fmt.Sprint: a space between two operands of which neither is a string. */
function sprint(args: readonly Value[]): string {
  return args
    .map((arg, index) => {
      const previous = args[index - 1];
      const gap = index > 0 && typeof previous !== 'string' && typeof arg !== 'string';
      return (gap ? ' ' : '') + formatValue(arg);
    })
    .join('');
}

function basic(value: Value): string | number | bigint | boolean {
  if (value instanceof Html) return value.text;
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      throw new Error('incompatible types for comparison');
  }
}

function incompatible(a: Value, b: Value): Error {
  return new Error(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
}

function equal(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b;
  const [left, right] = [basic(a), basic(b)];
  if (typeof left !== typeof right) throw incompatible(a, b);
  return left === right;
}

function less(a: Value, b: Value): boolean {
  const [left, right] = [basic(a), basic(b)];
  if (typeof left !== typeof right) throw incompatible(a, b);
  if (typeof left === 'boolean') throw new Error('invalid type for comparison');
  if (typeof left === 'string') return compareBytes(left, right as string) < 0;
  return (left as number) < (right as number);
}

function comparison(compare: (a: Value, b: Value) => boolean): TemplateFunction {
  return {
    parameters: ['any', 'any'],
    call: ([a = null, b = null]) => compare(a, b),
  };
}

function text(format: (args: readonly Value[]) => string): TemplateFunction {
  return { parameters: [], rest: 'any', call: format };
}

function sizeOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (isSlice(value)) return value.length;
  if (isMap(value)) return value.size;
  throw new Error(`len of type ${typeName(value)}`);
}

function item(value: Value, index: Value): Value {
  if (isMap(value)) {
    if (typeof index !== 'string')
      throw new Error(`value has type ${typeName(index)}; should be string`);
    return value.get(index) ?? (typeName(value) === 'map[string]string' ? '' : null);
  }
  if (typeof index !== 'bigint')
    throw new Error(`cannot index slice/array with type ${typeName(index)}`);
  if (isSlice(value)) return value[Number(bounded(index, value.length))] ?? null;
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return BigInt(bytes[Number(bounded(index, bytes.length))] ?? 0);
  }
  throw new Error(
    value === null ? 'index of untyped nil' : `can't index item of type ${typeName(value)}`,
  );
}

function bounded(index: bigint, length: number): bigint {
  if (index < 0n || index >= BigInt(length)) throw new Error(`index out of range: ${index}`);
  return index;
}

function slice([value = null, ...edges]: readonly Value[]): Value {
  const source = typeof value === 'string' ? Buffer.from(value) : value;
  const isBytes = Buffer.isBuffer(source);
  if (!isBytes && !isSlice(source)) throw new Error(`can't slice item of type ${typeName(value)}`);
  const [from, to] = edges.map((edge) => {
    if (typeof edge !== 'bigint')
      throw new Error(`cannot index slice/array with type ${typeName(edge)}`);
    return Number(bounded(edge, source.length + 1));
  });
  if (from !== undefined && to !== undefined && from > to) {
    throw new Error(`invalid slice index: ${from} > ${to}`);
  }
  return isBytes ? source.subarray(from, to).toString() : source.slice(from, to);
}

const htmlEntities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
  '\0': '\uFFFD',
};

const scriptEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '\n': '\\u000A',
};

function escapeScript(source: string): string {
  return source.replace(/[\\'"<>&=\p{Cc}]/gu, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return scriptEscapes[character] ?? `\\u${hex}`;
  });
}

function escapeUrl(source: string): string {
  return encodeURIComponent(source)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

/** The functions that `text/template` itself knows; `and` and `or` are in the executor, for they may not look at all. */
export const builtins: Readonly<Record<string, TemplateFunction>> = {
  print: text(sprint),
  println: text((args) => `${args.map(formatValue).join(' ')}\n`),
  printf: {
    parameters: ['string'],
    rest: 'any',
    call: ([format, ...args]) => sprintf(format as string, args),
  },
  html: text((args) => sprint(args).replace(/[&<>'"\0]/g, (found) => htmlEntities[found] ?? found)),
  js: text((args) => escapeScript(sprint(args))),
  urlquery: text((args) => escapeUrl(sprint(args))),
  not: { parameters: ['any'], call: ([value = null]) => !isTrue(value) },
  len: { parameters: ['any'], call: ([value = null]) => BigInt(sizeOf(value)) },
  index: {
    parameters: ['any'],
    rest: 'any',
    call: ([value = null, ...path]) => path.reduce(item, value),
  },
  slice: { parameters: ['any'], rest: 'any', call: slice },
  eq: {
    parameters: ['any'],
    rest: 'any',
    call: ([first = null, ...others]) => {
      if (others.length === 0) throw new Error('missing argument for comparison');
      return others.some((other) => equal(first, other));
    },
  },
  ne: comparison((a, b) => !equal(a, b)),
  lt: comparison(less),
  le: comparison((a, b) => less(a, b) || equal(a, b)),
  gt: comparison((a, b) => !less(a, b) && !equal(a, b)),
  ge: comparison((a, b) => !less(a, b)),
};
