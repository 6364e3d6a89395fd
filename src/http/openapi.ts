import { z } from 'zod';
import { errorTable } from './errors.ts';
import { examples } from './openapi-examples.ts';
import { budgetOf } from './middleware/rate-limit.ts';
import type { MediaAnswer, Route, RouteSpec } from './route.ts';

/** OpenAPI 3.1, as far as this product says itself. */
export interface OpenApiDocument {
  openapi: '3.1.0';
  info: Record<string, unknown>;
  servers: { url: string; description: string }[];
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, unknown>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security: Record<string, string[]>[];
  parameters: Record<string, unknown>[];
  requestBody?: Record<string, unknown>;
  responses: Record<string, unknown>;
  'x-needs': Route['needs'];
}

type JsonSchema = Record<string, unknown>;

const tagDescriptions: Readonly<Record<string, string>> = {
  'Prometheus API':
    "Prometheus's own API over strict PromQL, in the credential's tenant; also below `/prometheus`. Shapes and arguments are Prometheus's.",
  'Alertmanager API':
    "Alertmanager's API v2 for amtool, Grafana, karma and a Prometheus that sends its alerts here.",
  Ingest: 'Samples as JSON, and what became of samples. Remote write is `POST /api/v1/write`.',
};

const integer = { type: 'integer' };
const headers: Readonly<Record<string, { description: string; schema: JsonSchema }>> = {
  'X-Request-Id': {
    description: 'Of the request, also in the log: the one that was sent, or a new one.',
    schema: { type: 'string' },
  },
  'X-RateLimit-Limit': { description: 'Requests a minute.', schema: integer },
  'X-RateLimit-Remaining': { description: 'Of them, those that are left.', schema: integer },
  'X-RateLimit-Reset': { description: 'Seconds until the minute is over.', schema: integer },
};
const saidByRoutes = {
  'X-Gaugeway-Resolution': {
    description:
      'What the answer was read from, oldest first: `raw`, `1m`, `5m`. Absent where no samples were read.',
    schema: { type: 'string' },
  },
};
const refsTo = (names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
const allHeaders = refsTo(Object.keys(headers));
const plainHeaders = refsTo(['X-Request-Id']);

/** The document of these routes: made from the very schemas that judge requests. */
export function openApiOf(routes: readonly Route[], version: string): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const route of routes) {
    // Rows that are there to say 405 in Prometheus's words are not offered.
    if (Object.keys(route.spec.answers).every((status) => Number(status) >= 400)) continue;
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  const tags = [...new Set(routes.map(({ spec }) => spec.tag))];
  return {
    openapi: '3.1.0',
    info: {
      ...{ title: 'Gaugeway', version },
      description:
        'Prometheus-compatible remote write with tenants, alerts and reports. Errors of the API itself have one shape, `{"error":{"code","message","details"}}`; every answer has an `X-Request-Id`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server.' }],
    tags: tags.map((name) => {
      const description = tagDescriptions[name];
      return { name, ...(description === undefined ? {} : { description }) };
    }),
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: errorSchemas,
      headers: { ...headers, ...saidByRoutes },
      responses: refusalsOf(routes),
      securitySchemes: {
        session: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        key: { type: 'http', scheme: 'bearer', description: 'An API key, `gwk_…`.' },
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'Any user name, the key as password.',
        },
      },
    },
  };
}

function operationOf(route: Route): Operation {
  const { method, path, needs, summary, spec } = route;
  const example = examples[`${method} ${path}`];
  return {
    operationId: operationIdOf(route),
    tags: [spec.tag],
    summary,
    description: needs === 'public' ? 'Needs no credential.' : `Needs the right to ${needs}.`,
    security: needs === 'public' ? [] : [{ session: [] }, { key: [] }, { basic: [] }],
    parameters: [...pathParameters(path), ...queryParameters(spec)],
    ...(spec.body || route.takes ? { requestBody: bodyOf(route, example?.request) } : {}),
    responses: responsesOf(route, example?.response),
    'x-needs': needs,
  };
}

/** `getApiV1HostsId`: stable as long as the path is. */
function operationIdOf({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const camel = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return method.toLowerCase() + (camel.join('') || 'Root');
}

function pathParameters(path: string): Record<string, unknown>[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string' } },
  }));
}

function queryParameters({ query }: RouteSpec): Record<string, unknown>[] {
  if (!query) return [];
  const { properties = {}, required = [] } = jsonSchema(query, 'input') as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: 'query', required: required.includes(name), schema },
    ...(description === undefined ? {} : { description }),
  }));
}

function bodyOf({ spec, takes }: Route, example: unknown): Record<string, unknown> {
  if (takes === 'csv') {
    return { required: true, content: { 'text/csv': { schema: { type: 'string' } } } };
  }
  const schema = spec.body ? jsonSchema(spec.body, 'input') : {};
  const content = { schema, ...(example === undefined ? {} : { example }) };
  return { required: true, content: { 'application/json': content } };
}

function responsesOf(route: Route, example: unknown): Record<string, unknown> {
  const { spec, errors, needs } = route;
  const isCounted = budgetOf(route) !== 'none';
  const own = { ...(isCounted ? allHeaders : plainHeaders), ...refsTo(spec.says ?? []) };
  const successes = Object.entries(spec.answers).map(([status, answer]) => [
    status,
    { description: descriptionOf(answer), headers: own, ...contentOf(answer, example) },
  ]);
  const statuses = [
    400,
    ...(needs === 'public' ? [] : [401, 403]),
    ...(route.path.includes('/:') ? [404] : []),
    ...(route.method === 'GET' ? [] : [409, 413, 415]),
    ...(isCounted ? [429] : []),
    ...(spec.refuses ?? []),
    ...[500, 503],
  ];
  const refusals = [...new Set(statuses)].map((status) => [
    String(status),
    { $ref: `#/components/responses/${errors}${status}` },
  ]);
  return Object.fromEntries([...successes, ...refusals]) as Record<string, unknown>;
}

/** Each status in each shape once. */
function refusalsOf(routes: readonly Route[]): Record<string, unknown> {
  const shapes = [...new Set(routes.map(({ errors }) => errors))];
  const entries = shapes.flatMap((shape) =>
    Object.entries(errorTable).map(([status, description]) => [
      shape + status,
      {
        ...{ description, headers: allHeaders },
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${shape}Error` } } },
      },
    ]),
  );
  return Object.fromEntries(entries) as Record<string, unknown>;
}

type Answer = RouteSpec['answers'][number];

function isMedia(answer: Answer): answer is MediaAnswer {
  return typeof answer === 'object' && 'media' in answer;
}

const descriptionOf = (answer: Answer): string =>
  answer === 'empty' ? 'Done; without a body.' : isMedia(answer) ? answer.description : 'Done.';

function contentOf(answer: Answer, example: unknown): Record<string, unknown> {
  if (answer === 'empty') return {};
  if (isMedia(answer)) return { content: { [answer.media]: { schema: { type: 'string' } } } };
  const content = {
    schema: jsonSchema(answer, 'output'),
    ...(example === undefined ? {} : { example }),
  };
  return { content: { 'application/json': content } };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  // Transforms have no shape of their own: what goes in is what a client must know.
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  delete made.$schema;
  return made;
}

const errorSchemas = {
  envelopeError: {
    type: 'object',
    required: ['error'],
    additionalProperties: false,
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message', 'details'],
        additionalProperties: false,
        properties: {
          code: {
            enum: [
              ...['BAD_REQUEST', 'UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
              ...['RATE_LIMIT_EXCEEDED', 'UNAVAILABLE', 'INTERNAL_ERROR'],
            ],
          },
          message: { type: 'string' },
          details: { type: 'object' },
        },
      },
    },
  },
  prometheusError: {
    type: 'object',
    required: ['status', 'errorType', 'error'],
    properties: {
      status: { const: 'error' },
      errorType: { type: 'string' },
      error: { type: 'string' },
    },
  },
  alertmanagerError: { type: 'string' },
};
