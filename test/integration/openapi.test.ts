import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../src/http/index.ts';
import { startFurnished, type Furnished } from '../support/furnished.ts';
import {
  documentOf,
  operationsOf,
  problemsOf,
  type DocumentedOperation,
} from '../support/openapi.ts';
import { Stage, type Product } from '../support/stage.ts';

const stage = new Stage();
let furnished: Furnished;
let product: Product;
let document: OpenApiDocument;

beforeAll(async () => {
  furnished = await startFurnished(stage);
  product = furnished.product;
  document = await documentOf(product.url);
}, 180_000);
afterAll(() => stage.end(), 60_000);

/** Changes nothing that somebody would look for in the audit log, and why. */
const unaudited: Record<string, string> = {
  'POST /api/v1/auth/refresh': 'a session goes on; its login is there, and a reuse would be',
  'POST /api/v1/ingest/metrics': 'samples',
  'POST /api/v1/ingest/heartbeat': 'a sign of life; the enrolment is there',
  'POST /api/v1/alerts/rules/preview': 'a question',
  'POST /api/v1/silences/preview': 'a question',
  'POST /api/v1/reports/export': 'a file of what the asker may read',
};

/** In other suites against real clients, or with a credential that this one does not have; each with where. */
const elsewhere: Record<string, string> = {
  'POST /api/v1/agents/enroll': 'test/integration/agents.test.ts',
  'POST /api/v1/agents/{host_id}/rotate-key': 'test/integration/agents.test.ts',
  'POST /api/v1/agents/{host_id}/approve': 'test/integration/agents.test.ts',
  'GET /a/{token}': 'test/integration/notify',
  'POST /a/{token}': 'test/integration/notify',
  'GET /install.sh': 'test/integration/install.test.ts',
  'GET /install/{file}': 'test/integration/install.test.ts',
  'POST /api/v1/hosts/import': 'test/integration/hosts-api.test.ts',
};
const foreign = ['Prometheus API', 'Alertmanager API'];

const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** Reads before changes, removals last. What ends a session or takes an acknowledgement back must not come first. */
function inOrder(operations: readonly DocumentedOperation[]): DocumentedOperation[] {
  const late = (name: string): number => (name.endsWith('/logout') ? 1 : 0);
  return [...operations].sort(
    (a, b) => late(a.name) - late(b.name) || order.indexOf(a.method) - order.indexOf(b.method),
  );
}

/** Rows of the audit log that the request left: by whom and from where as it came. */
const auditOf = (headers: Headers): Promise<unknown[]> =>
  furnished
    .knex('audit_log')
    .where({ request_id: headers.get('x-request-id') })
    .whereNotNull('ip');

describe('the OpenAPI document', () => {
  it('tells how every operation of the API answers; each change is in the audit log', async () => {
    const judged: string[] = [];
    const wrong: string[] = [];
    const operations = operationsOf(document).filter(
      ({ name, said }) => !(name in elsewhere) && !said.tags.some((tag) => foreign.includes(tag)),
    );
    for (const operation of inOrder(operations)) {
      const { name, method, said } = operation;
      const { query = '', body, as } = furnished.wanted[name] ?? {};
      const authorization = as === 'write' ? `Bearer ${product.writeKey}` : product.adminToken;
      const answer = await fetch(product.url + furnished.pathOf(operation) + query, {
        method,
        headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body()) } : {}),
      });
      const text = await answer.text();
      judged.push(name);
      const expected = Object.keys(said.responses).find((status) => Number(status) < 400);
      if (String(answer.status) !== expected) wrong.push(`${name}: ${answer.status} ${text}`);
      const { status, headers } = answer;
      const problems = problemsOf(document, operation, { status, headers, text });
      wrong.push(...problems.map((problem) => `${name}: ${problem}`));
      const isNoted = (await auditOf(headers)).length > 0;
      const isChange = method !== 'GET' && !(name in unaudited);
      if (isChange !== isNoted) wrong.push(`${name}: ${isChange ? 'no' : 'an'} audit row`);
    }
    expect(wrong).toEqual([]);
    expect(judged.length).toBeGreaterThanOrEqual(75);
  }, 120_000);

  it('tells refusals too, each in the shape of its API', async () => {
    const wrong: string[] = [];
    for (const operation of operationsOf(document)) {
      if (operation.said['x-needs'] === 'public') continue;
      const path = operation.path.replaceAll(/\{[^}]+\}/g, 'none');
      const answer = await fetch(product.url + path, { method: operation.method });
      const { status, headers } = answer;
      const text = await answer.text();
      expect([operation.name, status]).toEqual([operation.name, 401]);
      const problems = problemsOf(document, operation, { status, headers, text });
      wrong.push(...problems.map((problem) => `${operation.name}: ${problem}`));
    }
    expect(wrong).toEqual([]);
  });

  it('can be read as a page that loads nothing from elsewhere', async () => {
    const answer = await fetch(`${product.url}/docs`);
    const page = await answer.text();
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; /);
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    for (const { path } of operationsOf(document)) expect(page).toContain(`<code>${path}</code>`);
  });
});
