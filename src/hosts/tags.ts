import { z } from 'zod';
import { catalogMetrics } from '../catalog/index.ts';
import { GaugewayError } from '../platform/index.ts';
import type { Tags } from './host.ts';

/** Labels that say who a series belongs to, and are set from what the server knows. */
const ownership = ['host_id', 'tenant', 'vm_account_id', 'vm_project_id'];
/** Labels that keep series of one metric apart; a tag in their place would make them one. */
const distinguishing = ['instance', 'job', 'le', 'quantile', '__name__'];
/** PRP §7.1 tags hosts with `gpu: "true"`; cards stay apart by their `uuid`. */
const allowed = new Set(['gpu']);

const reserved: ReadonlySet<string> = new Set(
  [...ownership, ...distinguishing, ...catalogMetrics.flatMap(({ labels }) => labels)].filter(
    (name) => !allowed.has(name),
  ),
);

export const maxTags = 16;

export const tagNameSchema = z
  .string()
  .regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,62}$/, 'is no label name')
  .refine((name) => !reserved.has(name), 'is reserved');

/** One line of text that can be a label, a log line and a word in a terminal. */
export const printableText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\u0000-\u001f\u007f\ud800-\udfff]*$/u, 'has control characters');

export const tagValueSchema = printableText(128);

export const tagsSchema = z
  .record(tagNameSchema, tagValueSchema)
  .refine((tags) => Object.keys(tags).length <= maxTags, `has more than ${maxTags}`);

/** `role:web,zone:us-west`, all of which must hold. Throws BAD_REQUEST for anything else. */
export function parseTagFilter(text: string): Tags {
  const pairs = text.split(',').map((pair) => {
    const colon = pair.indexOf(':');
    const [name, value] = [pair.slice(0, Math.max(0, colon)).trim(), pair.slice(colon + 1).trim()];
    if (colon > 0 && name !== '' && value !== '') return [name, value] as const;
    throw new GaugewayError('BAD_REQUEST', 'tags: expected name:value,name:value');
  });
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) {
    throw new GaugewayError('BAD_REQUEST', 'tags: a name is there twice');
  }
  return Object.fromEntries(pairs);
}
