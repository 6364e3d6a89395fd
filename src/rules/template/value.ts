/**
 * What a template computes with, after Go: `string`, `bool`, `int` (bigint here), `float64` (number here), nil,
 * maps with string keys, slices, and the few named types that Prometheus hands in.
 */
export type Value =
  | string
  | boolean
  | bigint
  | number
  | null
  | Sample
  | Moment
  | Span
  | Html
  | Struct
  | ReadonlyMap<string, Value>
  | readonly Value[];

/** One row of a `query` answer; `labels` holds the name as `__name__`. */
export interface SampleRow {
  labels: ReadonlyMap<string, string>;
  value: number;
}

/** Go's `*sample`. */
export class Sample {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
  constructor({ labels, value }: SampleRow) {
    this.labels = labels;
    this.value = value;
  }
}

/** Go's `time.Time` in UTC: whole milliseconds, as Prometheus makes it. */
export class Moment {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/** Go's `time.Duration`. */
export class Span {
  readonly nanoseconds: bigint;
  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

/** `html/template.HTML`: text, but another type than string. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A struct: unknown fields are errors, unlike keys of a map. */
export class Struct {
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, Value>;
  constructor(typeName: string, fields: ReadonlyMap<string, Value>) {
    this.typeName = typeName;
    this.fields = fields;
  }
}

export function isMap(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

export function isSlice(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

const plainTypes: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'bool',
  bigint: 'int',
  number: 'float64',
};

/** The type's name in Go's error messages. */
export function typeName(value: Value): string {
  if (value === null) return '<nil>';
  if (isMap(value)) {
    const texts = [...value.values()].every((item) => typeof item === 'string');
    return texts ? 'map[string]string' : 'map[string]interface {}';
  }
  if (isSlice(value)) {
    const rows = value.every((item) => item instanceof Sample);
    return rows ? 'template.queryResult' : '[]interface {}';
  }
  return plainTypes[typeof value] ?? namedType(value);
}

function namedType(value: Value): string {
  if (value instanceof Sample) return '*template.sample';
  if (value instanceof Moment) return '*time.Time';
  if (value instanceof Span) return '*time.Duration';
  return value instanceof Struct ? value.typeName : 'template.HTML';
}

/** What `if`, `with`, `and`, `or` and `not` go by: the zero value and the empty collection are false. */
export function isTrue(value: Value): boolean {
  if (value === null) return false;
  if (isMap(value)) return value.size > 0;
  if (isSlice(value)) return value.length > 0;
  if (value instanceof Html) return value.text !== '';
  switch (typeof value) {
    case 'string':
      return value !== '';
    case 'boolean':
      return value;
    case 'bigint':
      return value !== 0n;
    case 'number':
      return value !== 0;
    default:
      return true;
  }
}
