import { z } from 'zod';
import { configSchema } from './schema.ts';
import { keyFacts, type KeyFacts } from './values.ts';

export const environmentPrefix = 'GAUGEWAY_';

export interface ConfigKey extends KeyFacts {
  /** As in the code: `['ingest', 'maxDecodedBytes']`. */
  path: readonly string[];
  /** As in the file: `['ingest', 'max_decoded_bytes']`. */
  filePath: readonly string[];
  /** As in the environment: `GAUGEWAY_INGEST_MAX_DECODED_BYTES`. */
  variable: string;
}

/** Every leaf of the schema, in the order in which it is written there. */
export const configKeys: readonly ConfigKey[] = leavesOf(configSchema, []);

function leavesOf(schema: z.ZodType, path: readonly string[]): ConfigKey[] {
  const facts = keyFacts.get(schema);
  if (facts) {
    const filePath = path.map(toSnakeCase);
    const variable = environmentPrefix + filePath.join('_').toUpperCase();
    return [{ ...facts, path, filePath, variable }];
  }
  const inner = schema instanceof z.ZodPrefault ? (schema.unwrap() as z.ZodType) : schema;
  if (!(inner instanceof z.ZodObject)) throw new Error(`no facts for ${path.join('.')}`);
  return Object.entries(inner.shape).flatMap(([name, child]) =>
    leavesOf(child as z.ZodType, [...path, name]),
  );
}

export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
