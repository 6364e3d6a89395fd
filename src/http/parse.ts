import type { Request } from 'express';
import { z } from 'zod';
import type { Actor, Page, Principal } from '../access/index.ts';
import { GaugewayError } from '../platform/index.ts';
import type { Call } from './route.ts';

/** The body by its schema. Throws BAD_REQUEST that names each wrong field, never its value. */
export function bodyOf<S extends z.ZodType>(req: Request, schema: S): z.output<S> {
  requireText(req.body);
  const parsed = schema.safeParse(req.body ?? {});
  if (parsed.success) return parsed.data;
  throw invalid('the body is not as expected', parsed.error);
}

/** A body that is text, of a route that takes one. Throws BAD_REQUEST where it is not there or no text. */
export function textOf(req: Request): string {
  const body: unknown = req.body;
  if (typeof body !== 'string' || body === '') {
    throw new GaugewayError('BAD_REQUEST', 'the body is empty');
  }
  requireText(body);
  return body;
}

/** The query string by its schema; a repeated name is an error. */
export function queryOf<S extends z.ZodType>(req: Request, schema: S): z.output<S> {
  requireText(req.query);
  const parsed = schema.safeParse(req.query);
  if (parsed.success) return parsed.data;
  throw invalid('the query is not as expected', parsed.error);
}

/** Deeper than any body that means something, and harmless to whatever walks it by recursion. */
const deepest = 32;

/**
 * Refuses what is no text to Postgres (NUL, and half of a surrogate pair), what nests without end, and the one name
 * that is none for a field of an object.
 */
export function requireText(input: unknown): void {
  const rest: [value: unknown, depth: number][] = [[input, 0]];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [value, depth] = next;
    if (typeof value === 'string') requireWhole(value);
    if (typeof value !== 'object' || value === null) continue;
    if (depth > deepest) throw new GaugewayError('BAD_REQUEST', 'the body nests too deep');
    // One by one: a spread of a long list is too many arguments.
    for (const [key, held] of Object.entries(value)) {
      if (key === '__proto__') throw new GaugewayError('BAD_REQUEST', 'no field has this name');
      requireWhole(key);
      rest.push([held, depth + 1]);
    }
  }
}

function requireWhole(text: string): void {
  if (text.includes('\0') || /\p{Surrogate}/u.test(text)) {
    throw new GaugewayError('BAD_REQUEST', 'a text has a NUL or half a character in it');
  }
}

function invalid(message: string, error: z.ZodError): GaugewayError {
  const issues = error.issues.map(({ path, message: text }) => ({
    field: path.join('.'),
    message: text,
  }));
  return new GaugewayError('BAD_REQUEST', message, { details: { issues } });
}

export const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
});

export function pageOf(req: Request): Page {
  return queryOf(req, pageSchema);
}

/** Every route that is not public has one; asking again fails closed where a row forgot to say so. */
export function principalOf({ principal }: Call): Principal {
  if (!principal) throw new GaugewayError('UNAUTHORIZED', 'A credential is required');
  return principal;
}

export function actorOf(call: Call): Actor {
  const { kind, id, name, tenantId } = principalOf(call);
  return { kind, id, name, tenantId, ip: ipOf(call.req), requestId: call.requestId };
}

export function ipOf(req: Request): string {
  return req.ip ?? req.socket.remoteAddress ?? '';
}

/** What was found, or 404: also for what belongs to another tenant. */
export async function found<T>(what: string, looking: Promise<T | undefined>): Promise<T> {
  const thing = await looking;
  if (thing === undefined) throw new GaugewayError('NOT_FOUND', `There is no such ${what}`);
  return thing;
}

/** One path parameter. Throws NOT_FOUND for one with a NUL, which no name has: Postgres refuses to look for it. */
export function paramOf(req: Request, name: string): string {
  const value = String(req.params[name]);
  if (value.includes('\0')) throw new GaugewayError('NOT_FOUND', 'There is nothing at this path');
  return value;
}

export const isoTime = (ms: number): string => new Date(ms).toISOString();
export const isoTimeOrNull = (ms: number | null): string | null =>
  ms === null ? null : isoTime(ms);
