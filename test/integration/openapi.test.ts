import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../src/http/index.ts';
import {
  documentOf,
  operationsOf,
  problemsOf,
  type DocumentedOperation,
} from '../support/openapi.ts';
import { caller, listOf, type Call } from '../support/rest.ts';
import { steady, store } from '../support/samples.ts';
import { databaseOf } from '../support/sql.ts';
import {
  Stage,
  startProduct,
  startSink,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';

const stage = new Stage();
let product: Product;
let document: OpenApiDocument;
let admin: Call;
let knex: ReturnType<typeof databaseOf>;

beforeAll(async () => {
  const storage = await startStorage(stage);
  product = await startProduct(stage, storage, {
    ...{ GAUGEWAY_ALERTS_INTERVAL: '1s', GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true' },
    GAUGEWAY_RATE_LIMITS_VIEWER_READS: '1000000',
  });
  admin = caller(product, product.adminToken);
  document = await documentOf(product.url);
  knex = databaseOf(stage, product);
  await store(storage.target, [
    {
      ...{ metric: 'cpu_utilization', hostId: 'doc-1' },
      points: steady(99, { untilMs: Date.now() + 60_000, forMs: 600_000 }),
    },
  ]);
  await makeThings();
}, 180_000);
afterAll(() => stage.end(), 60_000);

/** The id of one thing of each kind, by the path below which it is found. */
const ids: Record<string, string> = {};
let refresh = '';
let exported = '';
let reset = '';

async function made(path: string, body: object, field = 'id'): Promise<string> {
  const answer = await admin('POST', path, body);
  if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  return String(answer.body[field]);
}

async function makeThings(): Promise<void> {
  await admin('POST', '/api/v1/hosts', { hostname: 'doc-1', tags: { role: 'web' } });
  const writer = caller(product, `Bearer ${product.writeKey}`);
  await writer('POST', '/api/v1/ingest/heartbeat', {
    ...{ host_id: 'doc-1', hostname: 'doc-1', agent_version: '1.0.0', ips: ['10.0.0.1'] },
    top_processes: {
      at_ms: Date.now(),
      processes: [{ pid: 1, name: 'init', cpu_pct: 0.5, mem_mb: 8 }],
    },
  });
  await writer('POST', '/api/v1/ingest/metrics', {
    ...{ host_id: 'doc-1' },
    metrics: [{ metric: 'no.such', ts: new Date().toISOString(), value: 1 }],
  });
  const { body } = await caller(product, '')('POST', '/api/v1/auth/login', {
    ...{ email: 'admin@localhost', password: 'a-long-password-of-the-stage' },
  });
  refresh = String(body['refresh_token']);
  ids['/api/v1/hosts'] = 'doc-1';
  ids['/api/v1/agents'] = 'doc-1';
  ids['/api/v1/users'] = await made('/api/v1/users', {
    ...{ email: 'doc@example.com', password: 'a-long-password-of-a-person', role: 'Viewer' },
  });
  reset = await made(`/api/v1/users/${ids['/api/v1/users']}/reset-password`, {}, 'reset_token');
  const guest = { email: 'doc-guest@example.com', password: 'a-long-password-of-a-person' };
  const guestId = await made('/api/v1/users', { ...guest, role: 'Viewer' });
  await caller(product, '')('POST', '/api/v1/auth/login', guest);
  const sessions = await admin('GET', `/api/v1/sessions?user_id=${guestId}`);
  ids['/api/v1/sessions'] = String(listOf(sessions, 'sessions')[0]?.['id']);
  ids['/api/v1/keys'] = await made('/api/v1/keys', { name: 'doc', scopes: ['read'] });
  ids['/api/v1/tenants'] = await made('/api/v1/tenants', {
    ...{ id: 'doc-tenant', name: 'Doc', admin_email: 'doc-admin@example.com' },
  });
  ids['/api/v1/agents/tokens'] = await made('/api/v1/agents/tokens', {});
  const sink = await startSink(stage);
  ids['/api/v1/channels'] = await made(
    '/api/v1/channels',
    { name: 'doc', kind: 'webhook', target: sink, is_default: true },
    'name',
  );
  ids['/api/v1/alerts/rules'] = await made('/api/v1/alerts/rules', {
    ...{ name: 'Doc', expression: 'cpu.utilization > 90', duration: '0s' },
    channels: [`webhook:${sink}`],
  });
  ids['/api/v1/silences'] = await made('/api/v1/silences', {
    ...{ matchers: ['alertname="other"'], duration_seconds: 600, comment: 'doc' },
  });
  ids['/api/v1/reports/schedules'] = await made('/api/v1/reports/schedules', { name: 'Doc' });
  const run = await admin(
    'POST',
    `/api/v1/reports/schedules/${ids['/api/v1/reports/schedules']}/run`,
  );
  ids['/api/v1/reports/runs'] = String(run.body['id']);
  const file = await admin('POST', '/api/v1/reports/export', { format: 'csv', table: 'hosts' });
  exported =
    new URL(String(file.body['download_url'])).pathname +
    new URL(String(file.body['download_url'])).search;
  await until('the alert fires', async () => {
    const events = listOf(await admin('GET', '/api/v1/alerts/events?state=firing'), 'alerts');
    const event = events.find((one) => one['rule_name'] === 'Doc');
    ids['/api/v1/alerts/events'] = String(event?.['id']);
    return event !== undefined;
  });
  await until('its message was given up or sent', async () => {
    const list = listOf(await admin('GET', '/api/v1/deliveries'), 'deliveries');
    ids['/api/v1/deliveries'] = String(list[0]?.['id']);
    return list.some(({ status }) => status === 'sent' || status === 'dead');
  });
  // One that was given up, as the resend needs it.
  await knex('deliveries').where({ id: ids['/api/v1/deliveries'] }).update({ status: 'dead' });
}

const soon = new Date(Date.now() + 3_600_000).toISOString();
/** What each operation with arguments is asked with; the others need none. */
const wanted: Record<string, { query?: string; body?: () => unknown; as?: 'write' }> = {
  'POST /api/v1/auth/login': {
    body: () => ({ email: 'admin@localhost', password: 'a-long-password-of-the-stage' }),
  },
  'POST /api/v1/auth/refresh': { body: () => ({ refresh_token: refresh }) },
  'POST /api/v1/auth/reset': {
    body: () => ({ token: reset, password: 'another-password-of-a-person' }),
  },
  'POST /api/v1/users/me/password': {
    body: () => ({
      current_password: 'a-long-password-of-the-stage',
      new_password: 'another-password-of-the-stage',
    }),
  },
  'POST /api/v1/users': {
    body: () => ({
      ...{ email: 'more@example.com', password: 'a-long-password-of-a-person', role: 'Viewer' },
    }),
  },
  'PATCH /api/v1/users/{id}': { body: () => ({ role: 'Operator' }) },
  'POST /api/v1/keys': { body: () => ({ name: 'more', scopes: ['read'] }) },
  'POST /api/v1/keys/{id}/rotate': { body: () => ({ overlap_seconds: 60 }) },
  'POST /api/v1/tenants': {
    body: () => ({ id: 'doc-more', name: 'More', admin_email: 'doc-more@example.com' }),
  },
  'PATCH /api/v1/tenants/{id}': { body: () => ({ name: 'Changed' }) },
  'POST /api/v1/agents/tokens': { body: () => ({ name: 'more' }) },
  'PUT /api/v1/agents/config': { body: () => ({ interval_seconds: 5 }) },
  'PUT /api/v1/agents/{host_id}/config': { body: () => ({ top_n: 5 }) },
  'GET /api/v1/agents/self/config': { query: '?host_id=doc-1', as: 'write' },
  'GET /api/v1/hosts': { query: '?tags=role:web&status=crit' },
  'POST /api/v1/hosts': { body: () => ({ hostname: 'doc-2' }) },
  'PATCH /api/v1/hosts/{id}': { body: () => ({ tags: { role: 'db' } }) },
  'GET /api/v1/metrics/query': { query: '?host_id=doc-1&metric=cpu.utilization' },
  'GET /api/v1/processes/top': { query: '?host_id=doc-1' },
  'POST /api/v1/channels': {
    body: () => ({ name: 'more', kind: 'email', target: 'ops@example.com' }),
  },
  'PATCH /api/v1/channels/{name}': { body: () => ({ is_default: false }) },
  'POST /api/v1/channels/test': {
    body: () => ({ kind: 'webhook', target: 'http://127.0.0.1:9/' }),
  },
  'POST /api/v1/alerts/rules': {
    body: () => ({ name: 'More', expression: 'mem.used_pct > 90', duration: '5m' }),
  },
  'POST /api/v1/alerts/rules/preview': {
    body: () => ({
      range: '1h',
      rule: { name: 'P', expression: 'cpu.utilization > 90', duration: '1m' },
    }),
  },
  'PATCH /api/v1/alerts/rules/{id}': { body: () => ({ duration: '1m' }) },
  'POST /api/v1/alerts/events/acknowledge': {
    body: () => ({ ids: [ids['/api/v1/alerts/events']], comment: 'doc' }),
  },
  'POST /api/v1/alerts/events/{id}/acknowledge': { body: () => ({ comment: 'doc, again' }) },
  'POST /api/v1/silences': {
    body: () => ({ matchers: ['alertname="x"'], ends_at: soon, comment: 'doc' }),
  },
  'POST /api/v1/silences/preview': { body: () => ({ matchers: ['alertname="Doc"'] }) },
  'PATCH /api/v1/silences/{id}': { body: () => ({ comment: 'changed' }) },
  'POST /api/v1/reports/export': {
    body: () => ({ format: 'csv', host_id: 'doc-1', metric: 'cpu.utilization', range: '1h' }),
  },
  'POST /api/v1/reports/schedules': { body: () => ({ name: 'More', format: 'csv' }) },
  'PATCH /api/v1/reports/schedules/{id}': { body: () => ({ at: '06:30' }) },
  'POST /api/v1/ingest/heartbeat': {
    ...{ as: 'write', body: () => ({ host_id: 'doc-1', hostname: 'doc-1' }) },
  },
  'POST /api/v1/ingest/metrics': {
    as: 'write',
    body: () => ({
      host_id: 'doc-1',
      metrics: [{ metric: 'cpu.load1', ts: new Date().toISOString(), value: 1 }],
    }),
  },
};

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

/** The path with the id of the nearest kind that it lies below. */
function pathOf({ path }: DocumentedOperation): string {
  if (path === '/exports/{file}') return exported;
  return path.replace(/^(.*?)\/\{[^}]+\}/, (_, below: string) => {
    const id = ids[below];
    if (id === undefined) throw new Error(`no id below ${below}`);
    return `${below}/${encodeURIComponent(id)}`;
  });
}

/** Rows of the audit log that the request left: by whom and from where as it came. */
const auditOf = (headers: Headers): Promise<unknown[]> =>
  knex('audit_log')
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
      const { query = '', body, as } = wanted[name] ?? {};
      const authorization = as === 'write' ? `Bearer ${product.writeKey}` : product.adminToken;
      const answer = await fetch(product.url + pathOf(operation) + query, {
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
