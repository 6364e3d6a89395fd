import { z } from 'zod';
import type { OpenApiDocument, Operation } from '../../src/http/index.ts';

export interface DocumentedOperation {
  /** `GET /api/v1/hosts/{id}`. */
  name: string;
  method: string;
  path: string;
  said: Operation;
}

export async function documentOf(url: string): Promise<OpenApiDocument> {
  const answer = await fetch(`${url}/api/v1/openapi.json`);
  if (!answer.ok) throw new Error(`the document: ${String(answer.status)}`);
  return (await answer.json()) as OpenApiDocument;
}

export function operationsOf({ paths }: OpenApiDocument): DocumentedOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, said]) => ({
      ...{ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, said },
    })),
  );
}

interface SaidAnswer {
  content?: Record<string, { schema: Record<string, unknown> }>;
  $ref?: string;
}

/** What is wrong with an answer by the document; empty where it is as told. */
export function problemsOf(
  document: OpenApiDocument,
  { said }: DocumentedOperation,
  answer: { status: number; headers: Headers; text: string },
): string[] {
  const told = resolved(document, said.responses[String(answer.status)] as SaidAnswer | undefined);
  if (told === undefined) return [`the status ${answer.status} is not told: ${answer.text}`];
  const problems: string[] = [];
  if (answer.headers.get('x-request-id') === null) problems.push('no X-Request-Id');
  const [media] = Object.keys(told.content ?? {});
  if (media === undefined) return answer.text === '' ? problems : [...problems, 'a body'];
  const is = answer.headers.get('content-type')?.split(';')[0] ?? 'none';
  if (is !== media) problems.push(`the media type ${is} instead of ${media}`);
  if (media !== 'application/json') return problems;
  const schema = told.content?.[media]?.schema ?? {};
  const { components } = document;
  const parsed = z
    .fromJSONSchema({ ...schema, $defs: undefined, ...deref(components, schema) } as never)
    .safeParse(JSON.parse(answer.text));
  if (parsed.success) return problems;
  return [
    ...problems,
    ...parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
  ];
}

function resolved(document: OpenApiDocument, said: SaidAnswer | undefined): SaidAnswer | undefined {
  if (said?.$ref === undefined) return said;
  const name = said.$ref.split('/').at(-1) ?? '';
  return (document.components['responses'] as Record<string, SaidAnswer>)[name];
}

function deref(components: Record<string, unknown>, schema: Record<string, unknown>) {
  const ref = schema['$ref'];
  if (typeof ref !== 'string') return {};
  const name = ref.split('/').at(-1) ?? '';
  return { $ref: undefined, ...(components['schemas'] as Record<string, object>)[name] };
}
