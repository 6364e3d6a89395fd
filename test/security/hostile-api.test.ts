import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../src/http/index.ts';
import { startFurnished, type Furnished } from '../support/furnished.ts';
import {
  anyValues,
  fieldsOf,
  isRefusedBy,
  malformed,
  metacharacters,
  noTexts,
  queryOf,
  wrongDates,
} from '../support/hostile.ts';
import {
  documentOf,
  operationsOf,
  problemsOf,
  type DocumentedOperation,
} from '../support/openapi.ts';
import { converse, statuses } from '../support/sockets.ts';
import { Stage, type Product } from '../support/stage.ts';
import { makeTenant } from '../support/tenants.ts';

const stage = new Stage();
let furnished: Furnished;
let product: Product;
let document: OpenApiDocument;
let operations: DocumentedOperation[];
let knex: Furnished['knex'];

beforeAll(async () => {
  furnished = await startFurnished(stage);
  product = furnished.product;
  document = await documentOf(product.url);
  operations = operationsOf(document);
  knex = furnished.knex;
}, 180_000);
afterAll(() => stage.end(), 60_000);

interface Attack {
  operation: DocumentedOperation;
  what: string;
  path?: string;
  query?: string;
  body?: string;
  media?: string;
  as?: string;
}

interface Heard {
  status: number;
  headers: Headers;
  text: string;
}

async function send(attack: Attack): Promise<Heard> {
  const { operation, query, body, media = 'application/json' } = attack;
  const wanted = furnished.wanted[operation.name];
  const own = wanted?.as === 'write' ? `Bearer ${product.writeKey}` : product.adminToken;
  const path = attack.path ?? furnished.pathOf(operation);
  const answer = await fetch(product.url + path + (query ?? wanted?.query ?? ''), {
    method: operation.method,
    headers: {
      authorization: attack.as ?? own,
      ...(body === undefined ? {} : { 'content-type': media }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const { status, headers } = answer;
  return { status, headers, text: await answer.text() };
}

/** Sends all; what was wrong with the answers: a fault of the server, one in another shape, or a success that must not be. */
async function wrongOf(attacks: readonly Attack[], mustFail: boolean): Promise<string[]> {
  const wrong: string[] = [];
  for (const attack of attacks) {
    const heard = await send(attack);
    const { status, text } = heard;
    const at = `${attack.operation.name}, ${attack.what}: ${status} ${text.slice(0, 200)}`;
    if (status >= 500 || (mustFail && status < 400)) wrong.push(at);
    if (status >= 400 && status < 500) {
      const problems = problemsOf(document, attack.operation, heard);
      wrong.push(...problems.map((problem) => `${at}: ${problem}`));
    }
  }
  return wrong;
}

/** What no request of these tests causes: the product's own work goes on meanwhile. */
const onItsOwn = new Set([
  ...['deliveries', 'leases', 'knex_migrations_lock', 'rate_windows'],
  ...[
    'rule_evaluations',
    'alert_instances',
    'incidents',
    'incident_events',
    'delivery_attempts',
    'changes',
    'downsample_marks',
    'downsample_slices',
    'tenant_usage',
  ],
]);

async function rowsByTable(): Promise<Record<string, number>> {
  const { rows } = await knex.raw<{ rows: { name: string }[] }>(
    `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  );
  const counted: Record<string, number> = {};
  for (const { name } of rows) {
    if (onItsOwn.has(name)) continue;
    const [row] = await knex(name).count<{ count: string }[]>();
    counted[name] = Number(row?.count);
  }
  return counted;
}

/** Nothing was kept of requests that were all refused. */
async function expectRefused(attacks: readonly Attack[]): Promise<void> {
  expect(attacks.length).toBeGreaterThan(20);
  const before = await rowsByTable();
  expect(await wrongOf(attacks, true)).toEqual([]);
  expect(await rowsByTable()).toEqual(before);
}

/** Those of the API itself; what Prometheus and Alertmanager take is theirs. */
const foreign = ['Prometheus API', 'Alertmanager API'];
const ownOperations = (): DocumentedOperation[] =>
  operations.filter(({ said }) => !said.tags.some((tag) => foreign.includes(tag)));

const withBody = (): [DocumentedOperation, Record<string, unknown>][] =>
  ownOperations().flatMap((operation) => {
    const body = furnished.wanted[operation.name]?.body?.();
    const isObject = typeof body === 'object' && body !== null;
    return isObject ? [[operation, body as Record<string, unknown>]] : [];
  });

/** An agent may be newer than its server, and tell more than that one knows. */
const strictBodies = (): ReturnType<typeof withBody> =>
  withBody().filter(([{ name }]) => name !== 'POST /api/v1/ingest/heartbeat');

const changed = (
  [operation, valid]: [DocumentedOperation, Record<string, unknown>],
  field: string,
  value: unknown,
): Attack => ({
  operation,
  what: `${field} = ${JSON.stringify(value).slice(0, 80)}`,
  body: JSON.stringify({ ...valid, [field]: value }),
});

describe('bodies', () => {
  it('that are no JSON object are refused', async () => {
    await expectRefused(
      withBody().flatMap(([operation]) =>
        malformed.map((body) => ({ operation, what: body.slice(0, 40), body })),
      ),
    );
  }, 60_000);

  it('with a field that nobody knows are refused', async () => {
    await expectRefused(
      strictBodies().flatMap((one) => [
        changed(one, 'no_such_field', 1),
        {
          ...changed(one, 'x', 1),
          body: `{"__proto__":{"x":1},${JSON.stringify(one[1]).slice(1)}`,
        },
        changed(one, 'constructor', { prototype: {} }),
      ]),
    );
  }, 60_000);

  it('of another media type are refused', async () => {
    await expectRefused(
      withBody().flatMap(([operation, valid]) =>
        ['text/plain', 'application/xml', 'application/x-www-form-urlencoded'].map((media) => ({
          ...{ operation, media, what: media, body: JSON.stringify(valid) },
        })),
      ),
    );
  }, 60_000);

  it('with values that the document refuses are refused', async () => {
    await expectRefused(
      withBody().flatMap((one, i) =>
        fieldsOf(one[0]).flatMap(([field, schema], j) =>
          anyValues(i * 100 + j, 12)
            .filter((value) => isRefusedBy(schema, value))
            .map((value) => changed(one, field, value)),
        ),
      ),
    );
  }, 90_000);

  it('with what is no text are refused', async () => {
    await expectRefused(
      withBody().flatMap((one) =>
        Object.entries(one[1])
          .filter(([, value]) => typeof value === 'string')
          .flatMap(([field]) => noTexts.map((text) => changed(one, field, text))),
      ),
    );
  }, 60_000);

  it('that nest without end are refused', async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    await expectRefused(
      withBody().map(([operation, valid]) => ({
        ...{ operation, what: 'nested' },
        body: `{"deep":${deep},${JSON.stringify(valid).slice(1)}`,
      })),
    );
  }, 60_000);

  it('that announce more than is taken are refused before they are read', async () => {
    const wrong: string[] = [];
    for (const [operation] of withBody()) {
      const talk = converse(
        product.url,
        [
          `${operation.method} ${furnished.pathOf(operation)} HTTP/1.1`,
          ...['Host: x', `Authorization: ${product.adminToken}`, 'Content-Type: application/json'],
          ...['Content-Length: 10000000000', '', '{'],
        ].join('\r\n'),
      );
      await talk.over;
      // The write key's own endpoints refuse the person first.
      const expected = furnished.wanted[operation.name]?.as === 'write' ? 403 : 413;
      if (statuses(talk.heard)[0] !== expected) wrong.push(`${operation.name}: ${talk.heard}`);
      if (!/x-request-id: /i.test(talk.heard)) wrong.push(`${operation.name}: no X-Request-Id`);
    }
    expect(wrong).toEqual([]);
  }, 60_000);

  it('with metacharacters in every text are no fault of the server', async () => {
    const attacks = withBody().flatMap((one, i) =>
      fieldsOf(one[0]).flatMap(([field], j) =>
        // Each text meets many fields; all of them at each would only take longer.
        metacharacters
          .filter((_, k) => (i + j + k) % 4 === 0 || field in one[1])
          .map((text) => changed(one, field, text)),
      ),
    );
    expect(attacks.length).toBeGreaterThan(500);
    expect(await wrongOf(attacks, false)).toEqual([]);
    expect(Object.keys(await rowsByTable())).toContain('users');
  }, 120_000);

  it('with values of any kind are no fault of the server', async () => {
    const attacks = withBody().flatMap((one, i) =>
      fieldsOf(one[0]).flatMap(([field], j) =>
        anyValues(7_000 + i * 100 + j, 8).map((value) => changed(one, field, value)),
      ),
    );
    expect(await wrongOf(attacks, false)).toEqual([]);
  }, 120_000);
});

const asked = (operation: DocumentedOperation, name: string, value: string): Attack => {
  const query = new URLSearchParams(furnished.wanted[operation.name]?.query ?? '');
  query.set(name, value);
  return { operation, what: `?${name}=${value.slice(0, 60)}`, query: `?${query.toString()}` };
};

const withQuery = (): [DocumentedOperation, string][] =>
  ownOperations().flatMap((operation) =>
    queryOf(operation).map(({ name }) => [operation, name] as [DocumentedOperation, string]),
  );

describe('queries', () => {
  it('with a name that nobody knows, or the same name twice, are refused', async () => {
    const queried = [...new Set(withQuery().map(([operation]) => operation))];
    await expectRefused([
      ...queried.map((operation) => asked(operation, 'no_such_name', '1')),
      ...withQuery().map(([operation, name]) => ({
        ...{ operation, what: `${name} twice`, query: `?${name}=1&${name}=2` },
      })),
      ...withQuery().map(([operation, name]) => ({
        ...{ operation, what: `${name}[]`, query: `?${name}[]=1` },
      })),
    ]);
  }, 60_000);

  it('with pages that are none are refused', async () => {
    const paged = withQuery().filter(([, name]) => name === 'limit' || name === 'offset');
    await expectRefused(
      paged.flatMap(([operation, name]) =>
        ['-1', '1.5', '1e12', '9'.repeat(40), 'ten', 'NaN', 'Infinity', '1;select 1'].map((value) =>
          asked(operation, name, value),
        ),
      ),
    );
  }, 60_000);

  it('with times that are none are refused', async () => {
    const timed = withQuery().filter(([, name]) => /^(from|to|since|until|start|end)$/.test(name));
    await expectRefused(
      timed.flatMap(([operation, name]) => wrongDates.map((date) => asked(operation, name, date))),
    );
  }, 60_000);

  it('with NUL are refused', async () => {
    await expectRefused(withQuery().map(([operation, name]) => asked(operation, name, 'a\0b')));
  }, 60_000);

  it('with metacharacters in every argument are no fault of the server', async () => {
    const attacks = withQuery().flatMap(([operation, name]) =>
      metacharacters.map((text) => asked(operation, name, text)),
    );
    expect(await wrongOf(attacks, false)).toEqual([]);
  }, 120_000);

  it("of Prometheus's and Alertmanager's API are no fault of the server", async () => {
    const names = ['query', 'match[]', 'start', 'end', 'step', 'time', 'limit', 'filter', 'active'];
    const attacks = operations
      .filter(
        ({ method, said }) => method === 'GET' && said.tags.some((tag) => foreign.includes(tag)),
      )
      .flatMap((operation) =>
        [...metacharacters, ...noTexts].map((text, i) => ({
          ...{
            operation,
            what: text.slice(0, 60),
            path: operation.path.replaceAll(/\{\w+\}/g, 'x'),
          },
          query: `?${new URLSearchParams({
            query: 'up',
            'match[]': 'up',
            ...{ start: '1', end: '2', step: '1' },
            [names[i % names.length] ?? 'query']: text,
          }).toString()}`,
        })),
      );
    expect(await wrongOf(attacks, false)).toEqual([]);
  }, 120_000);
});

/** Signed addresses answer in their own way; the tenant of a tenant is checked with the tenants. */
const withId = (): DocumentedOperation[] =>
  operations.filter(
    ({ path, said }) =>
      path.startsWith('/api/v1/') &&
      path.includes('{') &&
      !path.startsWith('/api/v1/tenants/') &&
      !path.startsWith('/api/v1/label/') &&
      said['x-needs'] !== 'public',
  );

const validBody = ({ name }: DocumentedOperation): { body?: string } => {
  const body = furnished.wanted[name]?.body?.();
  return body === undefined ? {} : { body: JSON.stringify(body) };
};

describe('ids', () => {
  it('that no thing has are not found', async () => {
    const ids = [
      ...['%00', '%27%20OR%202=2%20--', '..%2F..%2Fusers', '%7B%7D', '-2', '9'.repeat(30)],
      ...['%F0%9F%A6%89', 'x'.repeat(3_000), 'toString', '%0d%0aX-Injected:%201', '%ED%A0%80'],
    ];
    const before = await rowsByTable();
    const wrong: string[] = [];
    for (const operation of withId()) {
      for (const id of ids) {
        const path = operation.path.replaceAll(/\{\w+\}/g, id);
        const heard = await send({ operation, what: id, path, ...validBody(operation) });
        if (heard.status !== 404 && heard.status !== 400) {
          wrong.push(`${operation.method} ${path}: ${heard.status} ${heard.text}`);
        }
        if (heard.headers.has('x-injected')) wrong.push(`${operation.method} ${path}: injected`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await rowsByTable()).toEqual(before);
  }, 120_000);

  it('of another tenant are not found, in the words for ids that nobody has', async () => {
    const stranger = await makeTenant(product, 'stranger');
    const before = await rowsByTable();
    const wrong: string[] = [];
    for (const operation of withId()) {
      const theirs = furnished.pathOf(operation);
      const id = /\{\w+\}/.exec(operation.path)?.index ?? 0;
      const taken = theirs.slice(id).split('/')[0] ?? '';
      const nobodys = theirs.replace(
        taken,
        /^[0-9a-f-]{36}$/.test(taken) ? crypto.randomUUID() : 'nobodys',
      );
      const [seen, unknown] = await Promise.all(
        [theirs, nobodys].map((path) =>
          send({ operation, what: path, path, as: stranger.admin, ...validBody(operation) }),
        ),
      );
      if (seen?.status !== 404 || seen.text.replaceAll(taken, 'nobodys') !== unknown?.text) {
        wrong.push(`${operation.name}: ${seen?.status} ${seen?.text}, ${unknown?.text}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await rowsByTable()).toEqual(before);
  }, 60_000);
});
