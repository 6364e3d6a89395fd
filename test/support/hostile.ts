import fc from 'fast-check';
import { z } from 'zod';
import type { DocumentedOperation } from './openapi.ts';

type JsonSchema = Record<string, unknown>;

/** Texts that mean something to SQL, PromQL, shells, pages, spreadsheets, paths and formats. */
export const metacharacters: readonly string[] = [
  `'; DROP TABLE users; --`,
  `' OR '1'='1`,
  `") or vector(1) or ("`,
  `"}) or on() {tenant="other"} #`,
  '{{ $labels.x }}',
  '${7*7}`id`$(id)',
  '<script>alert(1)</script>',
  '=HYPERLINK("http://x")',
  '../../../../etc/passwd',
  'a\r\nBcc: x@example.com',
  '%s%n%00%2e%2e',
  '\\x00\\u0000\\',
  '\u202Ereversed\u2028\uFEFF🦊',
  '__proto__',
  'constructor',
  'NaN',
  '-1',
  '99999999999999999999999',
  'x'.repeat(5_000),
  '((((((((((((((((((((((((a+)+)+)+)+)+)+)+)+)',
];

/** No time of any format that is taken anywhere. */
export const wrongDates: readonly string[] = [
  ...['yesterday', '2025-13-01T00:00:00Z', '2025-02-30T00:00:00Z', '2025-01-01T25:00:00Z'],
  ...['01/02/2025', '2025-W01', '2025-01-01T00:00:00+99:99', "2025-01-01' --", 'Infinity', 'null'],
];

/** NUL and halves of characters: Postgres has no such text. */
export const noTexts: readonly string[] = ['a\0b', '\uD800', 'a\uDC00b'];

/** Bodies that are no JSON object at all. */
export const malformed: readonly string[] = [
  ...['{', '{"a":}', '{"a":1,}', "{'a':1}", '[', '"text"', '7', 'true', 'nul', '{}{}', '{"a":1}x'],
  ...['\u0000', '[]', '[{}]', '{"a":"\n"}', '['.repeat(50_000)],
];

/** Values of every kind, a given seed giving the same ones. */
export function anyValues(seed: number, count: number): unknown[] {
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(null, true, false, '', [], {}, [[]], [null], { a: {} }),
    fc.constantFrom<unknown>(-1, 0, 1.5, -0.1, 1e308, 2 ** 53, -(2 ** 31) - 1, 2 ** 63),
    fc.constantFrom<unknown>(...wrongDates),
    fc.string({ maxLength: 12 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const some = fc.oneof(
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(leaf, { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.dictionary(fc.string({ maxLength: 6 }), leaf, { maxKeys: 3 }) },
  );
  return fc.sample(some, { seed, numRuns: count });
}

/** Whether the document refuses a value; what the document cannot say is left to the server. */
export function isRefusedBy(schema: JsonSchema, value: unknown): boolean {
  return !z.fromJSONSchema(schema).safeParse(value).success;
}

/** The fields of an operation's JSON body, as the document tells them; none for another body. */
export function fieldsOf({ said }: DocumentedOperation): [name: string, schema: JsonSchema][] {
  const content = said.requestBody?.['content'] as
    Record<string, { schema: JsonSchema }> | undefined;
  const schema = content?.['application/json']?.schema;
  const { properties = {}, $defs } = (schema ?? {}) as {
    properties?: Record<string, JsonSchema>;
    $defs?: JsonSchema;
  };
  return Object.entries(properties).map(([name, field]) => [
    name,
    $defs === undefined ? field : { ...field, $defs },
  ]);
}

export interface QueryParameter {
  name: string;
  required: boolean;
  schema: JsonSchema;
}

export function queryOf({ said }: DocumentedOperation): QueryParameter[] {
  return (said.parameters as unknown as (QueryParameter & { in: string })[]).filter(
    (parameter) => parameter.in === 'query',
  );
}
