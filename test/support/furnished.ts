import { randomUUID } from 'node:crypto';
import type { DocumentedOperation } from './openapi.ts';
import { caller, listOf } from './rest.ts';
import { steady, store } from './samples.ts';
import { databaseOf } from './sql.ts';
import { startProduct, startSink, startStorage, until, type Product, type Stage } from './stage.ts';

interface Wanted {
  query?: string;
  body?: () => unknown;
  as?: 'write';
}

interface Things {
  /** The id of one thing of each kind, by the path below which it is found. */
  ids: Record<string, string>;
  refresh: string;
  /** With which the user sets a new password. */
  reset: string;
  /** Path and query of a file that was exported. */
  exported: string;
}

/** A product with one thing of each kind, and what each documented operation is validly asked with. */
export interface Furnished {
  product: Product;
  /** On the product's database. */
  knex: ReturnType<typeof databaseOf>;
  wanted: Readonly<Record<string, Wanted>>;
  /** The path with the id of the nearest kind that it lies below. */
  pathOf: (operation: Pick<DocumentedOperation, 'path'>) => string;
}

export async function startFurnished(
  stage: Stage,
  settings: Record<string, string> = {},
): Promise<Furnished> {
  const storage = await startStorage(stage);
  const env = {
    ...{ GAUGEWAY_ALERTS_INTERVAL: '1s', GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true' },
    GAUGEWAY_RATE_LIMITS_LOGIN: '0',
  };
  const product = await startProduct(stage, storage, env, settings);
  await store(storage.target, [
    {
      ...{ metric: 'cpu_utilization', hostId: 'doc-1' },
      points: steady(99, { untilMs: Date.now() + 60_000, forMs: 600_000 }),
    },
  ]);
  const knex = databaseOf(stage, product);
  const things = await makeThings(stage, product, knex);
  return {
    ...{ product, knex, wanted: wantedOf(things) },
    pathOf({ path }) {
      if (path === '/exports/{file}') return things.exported;
      return path.replace(/^(.*?)\/\{[^}]+\}/, (_, below: string) => {
        const id = things.ids[below];
        if (id === undefined) throw new Error(`no id below ${below}`);
        return `${below}/${encodeURIComponent(id)}`;
      });
    },
  };
}

async function makeThings(
  stage: Stage,
  product: Product,
  knex: Furnished['knex'],
): Promise<Things> {
  const admin = caller(product, product.adminToken);
  const ids: Record<string, string> = {};
  const made = async (path: string, body: object, field = 'id'): Promise<string> => {
    const answer = await admin('POST', path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return String(answer.body[field]);
  };
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
  const refresh = String(body['refresh_token']);
  ids['/api/v1/hosts'] = 'doc-1';
  ids['/api/v1/agents'] = 'doc-1';
  ids['/api/v1/users'] = await made('/api/v1/users', {
    ...{ email: 'doc@example.com', password: 'a-long-password-of-a-person', role: 'Viewer' },
  });
  const reset = await made(
    `/api/v1/users/${ids['/api/v1/users']}/reset-password`,
    {},
    'reset_token',
  );
  const guest = { email: 'doc-guest@example.com', password: 'a-long-password-of-a-person' };
  const guestId = await made('/api/v1/users', { ...guest, role: 'Viewer' });
  await caller(product, '')('POST', '/api/v1/auth/login', guest);
  const sessions = await admin('GET', `/api/v1/sessions?user_id=${guestId}`);
  ids['/api/v1/sessions'] = String(listOf(sessions, 'sessions')[0]?.['id']);
  ids['/api/v1/keys'] = await made('/api/v1/keys', { name: 'doc', scopes: ['read'] });
  ids['/api/v1/tenants'] = await made('/api/v1/tenants', {
    ...{ id: 'doc-tenant', name: 'Doc', admin_email: 'doc-admin@example.com' },
  });
  await knex('tenant_deletions').insert({
    ...{
      id: randomUUID(),
      tenant_id: 'doc-tenant',
      requested_by: 'doc',
      requested_at: new Date(1),
    },
    ...{ status: 'done', step: 'done', row_counts: '{"hosts":1}', series_left: 0 },
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
  const exported =
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
  return { ids, refresh, reset, exported };
}

const soon = new Date(Date.now() + 3_600_000).toISOString();
/** What each operation with arguments is asked with; the others need none. */
const wantedOf = ({ ids, refresh, reset }: Things): Record<string, Wanted> => ({
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
  'POST /api/v1/tenants/{id}/suspend': { body: () => ({ reason: 'for a while' }) },
  'DELETE /api/v1/tenants/{id}': { query: '?confirm=doc-tenant' },
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
});
