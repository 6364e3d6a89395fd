import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor, User } from '../../src/access/index.ts';
import { systemActor } from '../../src/access/index.ts';
import type { Agents } from '../../src/agents/index.ts';
import { createTokens } from '../../src/access/tokens.ts';
import type { Hosts } from '../../src/hosts/index.ts';
import {
  acknowledgeLinkRoutes,
  agentRoutes,
  alertEventRoutes,
  alertmanagerRoutes,
  alertQuestionRoutes,
  alertRuleRoutes,
  channelRoutes,
  createWriteHandler,
  deliveryRoutes,
  docsRoutes,
  enrolmentRoutes,
  healthRoutes,
  exportRoutes,
  hostImportRoutes,
  hostRoutes,
  metricRoutes,
  processRoutes,
  ingestRoutes,
  installRoutes,
  ownConfigRoute,
  prometheusRoutes,
  reportRoutes,
  silenceRoutes,
  tenantLifeRoutes,
  type ExportRouteDeps,
  type HostRouteDeps,
  type ReadCache,
  type IngestRouteDeps,
  type ReportRouteDeps,
  type Route,
} from '../../src/http/index.ts';
import type { InstallKit } from '../../src/install/index.ts';
import type { Ingest } from '../../src/ingest/index.ts';
import { createMeters, silentLogger } from '../../src/platform/index.ts';
import type { Query } from '../../src/query/index.ts';
import {
  createHandClock,
  signingKey,
  startAccess,
  startDatabase,
  type TestAccess,
  type TestDatabase,
  routesOf,
} from '../support/access.ts';
import { serve, type TestServer } from '../support/http.ts';

/** What each endpoint needs: written out by hand, so that a change of one in the code is seen here. */
const expected: Record<string, 'public' | 'read' | 'operate' | 'admin' | 'write'> = {
  'POST /api/v1/auth/login': 'public',
  'POST /api/v1/auth/refresh': 'public',
  'POST /api/v1/auth/logout': 'read',
  'GET /api/v1/users': 'admin',
  'POST /api/v1/users': 'admin',
  'GET /api/v1/users/:id': 'admin',
  'PATCH /api/v1/users/:id': 'admin',
  'DELETE /api/v1/users/:id': 'admin',
  'GET /api/v1/users/me': 'read',
  'POST /api/v1/users/me/password': 'read',
  'POST /api/v1/users/:id/reset-password': 'admin',
  'POST /api/v1/auth/reset': 'public',
  'GET /api/v1/sessions': 'read',
  'DELETE /api/v1/sessions/:id': 'read',
  'GET /api/v1/keys': 'admin',
  'POST /api/v1/keys': 'admin',
  'GET /api/v1/keys/:id': 'admin',
  'DELETE /api/v1/keys/:id': 'admin',
  'POST /api/v1/keys/:id/rotate': 'admin',
  'GET /api/v1/tenants': 'admin',
  'POST /api/v1/tenants': 'admin',
  'PATCH /api/v1/tenants/:id': 'admin',
  'GET /api/v1/tenants/:id': 'admin',
  'DELETE /api/v1/tenants/:id': 'admin',
  'GET /api/v1/tenants/:id/deletion': 'admin',
  'POST /api/v1/tenants/:id/suspend': 'admin',
  'POST /api/v1/tenants/:id/resume': 'admin',
  'GET /api/v1/tenants/:id/usage': 'admin',
  'GET /api/v1/usage': 'read',
  'GET /api/v1/audit': 'admin',
  'GET /api/v1/audit.csv': 'admin',
  'GET /api/v1/audit.ndjson': 'admin',
  'GET /api/v1/hosts': 'read',
  'GET /api/v1/hosts/:id': 'read',
  'POST /api/v1/hosts': 'admin',
  'POST /api/v1/hosts/import': 'admin',
  'PATCH /api/v1/hosts/:id': 'admin',
  'DELETE /api/v1/hosts/:id': 'admin',
  'GET /api/v1/metrics/query': 'read',
  'POST /api/v1/reports/export': 'read',
  'GET /api/v1/reports/schedules': 'read',
  'POST /api/v1/reports/schedules': 'admin',
  'GET /api/v1/reports/schedules/:id': 'read',
  'PATCH /api/v1/reports/schedules/:id': 'admin',
  'DELETE /api/v1/reports/schedules/:id': 'admin',
  'POST /api/v1/reports/schedules/:id/run': 'admin',
  'GET /api/v1/reports/runs': 'read',
  'GET /api/v1/reports/runs/:id': 'read',
  'GET /exports/:file': 'public',
  'GET /api/v1/agents': 'read',
  'GET /api/v1/agents/:host_id': 'read',
  'GET /api/v1/agents/config': 'read',
  'PUT /api/v1/agents/config': 'admin',
  'GET /api/v1/agents/:host_id/config': 'read',
  'PUT /api/v1/agents/:host_id/config': 'admin',
  'DELETE /api/v1/agents/:host_id/config': 'admin',
  'POST /api/v1/agents/:host_id/rotate-key': 'admin',
  'POST /api/v1/agents/:host_id/approve': 'admin',
  'GET /api/v1/agents/self/config': 'write',
  'GET /api/v1/agents/tokens': 'admin',
  'POST /api/v1/agents/tokens': 'admin',
  'DELETE /api/v1/agents/tokens/:id': 'admin',
  'POST /api/v1/agents/enroll': 'public',
  'GET /api/v1/channels': 'read',
  'POST /api/v1/channels': 'admin',
  'POST /api/v1/channels/test': 'admin',
  'GET /api/v1/channels/:name': 'read',
  'PATCH /api/v1/channels/:name': 'admin',
  'DELETE /api/v1/channels/:name': 'admin',
  'POST /api/v1/channels/:name/test': 'operate',
  'GET /api/v1/deliveries': 'read',
  'POST /api/v1/deliveries/:id/resend': 'operate',
  'GET /a/:token': 'public',
  'POST /a/:token': 'public',
  'GET /api/v1/processes/top': 'read',
  'POST /api/v1/ingest/metrics': 'write',
  'POST /api/v1/ingest/heartbeat': 'write',
  'GET /api/v1/ingest/rejections': 'read',
  'GET /api/v1/ingest/ha': 'read',
  'GET /api/v1/alerts/rules': 'read',
  'POST /api/v1/alerts/rules': 'admin',
  'GET /api/v1/alerts/rules/problems': 'read',
  'POST /api/v1/alerts/rules/preview': 'read',
  'GET /api/v1/alerts/rules/:id': 'read',
  'PATCH /api/v1/alerts/rules/:id': 'admin',
  'DELETE /api/v1/alerts/rules/:id': 'admin',
  'GET /api/v1/alerts/rules/:id/explain': 'read',
  'GET /api/v1/alerts/events': 'read',
  'POST /api/v1/alerts/events/acknowledge': 'operate',
  'GET /api/v1/alerts/events/:id': 'read',
  'POST /api/v1/alerts/events/:id/acknowledge': 'operate',
  'DELETE /api/v1/alerts/events/:id/acknowledge': 'operate',
  'GET /api/v1/silences': 'read',
  'POST /api/v1/silences': 'operate',
  'POST /api/v1/silences/preview': 'read',
  'GET /api/v1/silences/:id': 'read',
  'PATCH /api/v1/silences/:id': 'operate',
  'DELETE /api/v1/silences/:id': 'operate',
  'GET /alertmanager/metrics': 'read',
  ...alertmanagerRows(''),
  ...alertmanagerRows('/alertmanager'),
  'GET /install.sh': 'public',
  'GET /install/:file': 'public',
  'GET /api/v1/openapi.json': 'public',
  'GET /docs': 'public',
  'GET /health': 'public',
  'GET /-/healthy': 'public',
  'GET /ready': 'public',
  'GET /-/ready': 'public',
  'GET /metrics': 'read',
  ...prometheusRows(''),
  ...prometheusRows('/prometheus'),
};

/** Senders post alerts with the key they write samples with. */
function alertmanagerRows(prefix: string): Record<string, 'read' | 'operate' | 'write'> {
  const rows: Record<string, 'read' | 'operate' | 'write'> = {
    ...{ 'GET /status': 'read', 'GET /receivers': 'read', 'GET /alerts': 'read' },
    ...{ 'GET /alerts/groups': 'read', 'POST /alerts': 'write', 'GET /silences': 'read' },
    ...{
      'POST /silences': 'operate',
      'GET /silence/:id': 'read',
      'DELETE /silence/:id': 'operate',
    },
  };
  return Object.fromEntries(
    Object.entries(rows).map(([row, needs]) => [row.replace(' ', ` ${prefix}/api/v2`), needs]),
  );
}

/** Also for POST where Prometheus has none: such a row answers 405 itself, in Prometheus's shape. */
function prometheusRows(prefix: string): Record<string, 'read' | 'admin'> {
  const paths = [
    ...['query', 'query_range', 'query_exemplars', 'labels', 'series', 'format_query'],
    ...['parse_query', 'label/:name/values', 'metadata', 'rules', 'alerts', 'alertmanagers'],
    ...['targets', 'status/buildinfo', 'status/runtimeinfo', 'status/tsdb'],
  ].map((path) => `${prefix}/api/v1/${path}`);
  return Object.fromEntries(
    [...paths, `${prefix}/federate`].flatMap((path) =>
      ['GET', 'POST'].map((method) => [
        `${method} ${path}`,
        path.endsWith('/tsdb') ? ('admin' as const) : ('read' as const),
      ]),
    ),
  );
}

type AlertDesk = Parameters<typeof alertQuestionRoutes>[0] &
  Parameters<typeof silenceRoutes>[0] &
  Parameters<typeof alertmanagerRoutes>[0];

/** Every row of the product, whose handlers only say that they were reached. */
const reached = 299;
function everyRoute(held: TestAccess): Route[] {
  const routes = theRoutes(held);
  return [...routes, ...docsRoutes(routes, '0')].map(reaching);
}

const reaching = (route: Route): Route => ({
  ...route,
  handle: ({ res }) => void res.status(reached).end(),
});

function theRoutes(held: TestAccess): Route[] {
  const { access } = held;
  const nothing = {} as unknown;
  const desk = nothing as AlertDesk;
  return [
    ...routesOf(access),
    ...alertRuleRoutes(desk),
    ...alertQuestionRoutes(desk),
    ...alertEventRoutes({ ...desk, cache: nothing as ReadCache }),
    ...silenceRoutes(desk),
    ...alertmanagerRoutes(desk),
    ...hostRoutes(nothing as HostRouteDeps),
    ...hostImportRoutes(nothing as HostRouteDeps),
    ...metricRoutes(nothing as HostRouteDeps),
    ...tenantLifeRoutes(nothing as Parameters<typeof tenantLifeRoutes>[0]),
    ...exportRoutes(nothing as ExportRouteDeps),
    ...reportRoutes(nothing as ReportRouteDeps),
    ...agentRoutes({ agents: nothing as Agents, clock }),
    ...ownConfigRoute({ agents: nothing as Agents }),
    ...enrolmentRoutes({ agents: nothing as Agents, publicUrl: undefined }),
    ...processRoutes({ hosts: nothing as Hosts }),
    ...channelRoutes(nothing as Parameters<typeof channelRoutes>[0]),
    ...deliveryRoutes(nothing as Parameters<typeof deliveryRoutes>[0]),
    ...acknowledgeLinkRoutes(nothing as Parameters<typeof acknowledgeLinkRoutes>[0]),
    ...healthRoutes({ checks: {}, meters: createMeters() }),
    ...ingestRoutes(nothing as IngestRouteDeps),
    ...installRoutes({ kit: nothing as InstallKit, publicUrl: undefined }),
    ...prometheusRoutes({
      ...{ query: {} as Query, version: '0', startedMs: 0, retentionMs: () => 0 },
      views: {
        ...{ ruleGroups: () => Promise.resolve({ groups: [] }), alerts: () => Promise.resolve([]) },
        targets: () => Promise.resolve([]),
      },
    }),
  ];
}

type Right = 'read' | 'operate' | 'admin' | 'write';
/** `bad`: 401 wherever a credential is needed. */
type Outcome = 'bad' | readonly Right[];

const clock = createHandClock();
const by: Actor = systemActor('default');
const password = 'a password of some length';
let database: TestDatabase;
let held: TestAccess;
let server: TestServer;
let writer: TestServer;
const credentials = new Map<
  string,
  { headers: Record<string, string>; may: Outcome; query?: string }
>();

async function user(email: string, role: User['role'], tenantId = 'default'): Promise<User> {
  return held.access.users.create(tenantId, { email, password, role }, by);
}

async function tokenOf(email: string) {
  const outcome = await held.access.sessions.login(email, password, { ip: email });
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome;
}

async function makeCredentials(): Promise<void> {
  const { access } = held;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const add = (name: string, may: Outcome, headers: Record<string, string>, query?: string) =>
    credentials.set(name, { headers, may, ...(query === undefined ? {} : { query }) });
  const key = async (name: string, scopes: readonly ('read' | 'write' | 'admin')[], more = {}) =>
    (await access.keys.create('default', { name, scopes, ...more }, by)).key;

  for (const [name, role] of [
    ['viewer', 'Viewer'],
    ['operator', 'Operator'],
    ['admin', 'Admin'],
    ['disabled', 'Viewer'],
    ['logged-out', 'Viewer'],
    ['unused', 'Admin'],
  ] as const) {
    await user(`${name}@example.com`, role);
  }
  const viewer = await tokenOf('viewer@example.com');
  const admin = await tokenOf('admin@example.com');
  const disabled = await tokenOf('disabled@example.com');
  const loggedOut = await tokenOf('logged-out@example.com');
  await access.users.update(disabled.user, { status: 'disabled' }, by);
  const principal = await access.authenticate(`Bearer ${loggedOut.accessToken}`);
  if (principal.ok) await access.sessions.logout(principal.principal, by);

  add('nothing', 'bad', {});
  add('garbage', 'bad', { authorization: 'x' });
  add('garbage as Bearer', 'bad', bearer('garbage'));
  add('a viewer', ['read'], bearer(viewer.accessToken));
  add(
    'an operator',
    ['read', 'operate'],
    bearer((await tokenOf('operator@example.com')).accessToken),
  );
  add('an administrator', ['read', 'operate', 'admin'], bearer(admin.accessToken));
  add('a disabled user', 'bad', bearer(disabled.accessToken));
  add('a session that ended', 'bad', bearer(loggedOut.accessToken));
  add('a refresh token', 'bad', bearer(admin.refreshToken));
  add(
    'a token in the URL',
    'bad',
    {},
    `?access_token=${admin.accessToken}&token=${admin.accessToken}`,
  );
  add('a cookie', 'bad', {
    cookie: `gaugeway_refresh=${admin.refreshToken}; token=${admin.accessToken}`,
  });
  const subject = { userId: admin.user.id, tenantId: 'default', sessionId: crypto.randomUUID() };
  const forger = createTokens({ key: Buffer.alloc(32, 9), clock });
  add('a token of another key', 'bad', bearer(forger.issue(subject).token));
  const signer = createTokens({ key: signingKey, clock });
  add('a token of no session', 'bad', bearer(signer.issue(subject).token));
  const past = createTokens({
    key: signingKey,
    clock: { ...clock, nowMs: () => clock.nowMs() - 3_600_000 },
  });
  add('an expired token', 'bad', bearer(past.issue(subject).token));
  const claims = { ...subject, tenantId: 'other' };
  add('a token with another tenant', 'bad', bearer(signer.issue(claims).token));

  add('a read key', ['read'], bearer(await key('r', ['read'])));
  add('a write key', ['write'], bearer(await key('w', ['write'])));
  add('a host key', ['write'], bearer(await key('h', ['write'], { hostId: 'h1' })));
  add('an admin key', ['read', 'operate', 'admin'], bearer(await key('a', ['admin'])));
  const basic = Buffer.from(`anyone:${await key('b', ['read'])}`).toString('base64');
  add('a key as Basic', ['read'], { authorization: `Basic ${basic}` });
  const password64 = Buffer.from(`admin@example.com:${password}`).toString('base64');
  add('a password as Basic', 'bad', { authorization: `Basic ${password64}` });
  const revoked = await access.keys.create('default', { name: 'x', scopes: ['admin'] }, by);
  await access.keys.revoke((await access.keys.get('default', revoked.id))!, by);
  add('a revoked key', 'bad', bearer(revoked.key));
  const rotated = await access.keys.create('default', { name: 'y', scopes: ['admin'] }, by);
  await access.keys.rotate((await access.keys.get('default', rotated.id))!, 0, by);
  add('a key rotated away', 'bad', bearer(rotated.key));
  add('a foreign X-Scope-OrgID', [], { ...bearer(admin.accessToken), 'x-scope-orgid': 'other' });
}

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  held = await startAccess(database.postgres, clock);
  await held.access.bootstrap.firstTenant({
    adminEmail: 'first@example.com',
    adminPassword: password,
  });
  await makeCredentials();
  clock.advance(10);
  const { authenticate } = held.access;
  server = await serve({ routes: everyRoute(held), authenticate });
  const write = createWriteHandler({
    ...{ ingest: { refusedUnread: () => undefined } as unknown as Ingest },
    ...{ authenticate, tenantModeOf: () => undefined },
    ...{ seen: () => undefined, configVersionOf: () => '0', log: silentLogger },
  });
  writer = await serve({ routes: [], rawHandlers: [write], authenticate });
}, 60_000);
afterAll(async () => {
  await server.close();
  await writer.close();
  await held.close();
  await database.stop();
});

const urlOf = (path: string): string =>
  path.replace(/:\w+/g, '00000000-0000-4000-8000-000000000000');

describe('the endpoints', () => {
  it('are exactly those of the table above, with what they need', () => {
    const found = Object.fromEntries(
      everyRoute(held).map(({ method, path, needs }) => [`${method} ${path}`, needs]),
    );
    expect(found).toEqual(expected);
  });

  it('answer every credential as its rights say', async () => {
    const wrong: string[] = [];
    for (const [endpoint, needs] of Object.entries(expected)) {
      const [method, path] = endpoint.split(' ') as [string, string];
      for (const [name, { headers, may, query = '' }] of credentials) {
        const answer = await fetch(`${server.url}${urlOf(path)}${query}`, { method, headers });
        await answer.arrayBuffer();
        const status =
          needs === 'public' ? reached : may === 'bad' ? 401 : may.includes(needs) ? reached : 403;
        if (answer.status !== status) wrong.push(`${endpoint} by ${name}: ${answer.status}`);
        if (status === 401 && !answer.headers.has('www-authenticate')) {
          wrong.push(`${endpoint} by ${name}: no challenge`);
        }
      }
    }
    expect(wrong).toEqual([]);
  }, 60_000);

  it('take no other method, with any credential', async () => {
    const wrong: string[] = [];
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
    const { headers } = credentials.get('an administrator')!;
    for (const path of new Set(Object.keys(expected).map((row) => row.split(' ')[1]!))) {
      for (const method of methods) {
        if (`${method} ${path}` in expected) continue;
        const answer = await fetch(server.url + urlOf(path), { method, headers });
        if (answer.status !== 405 || !answer.headers.has('allow')) {
          wrong.push(`${method} ${path}: ${answer.status}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('do not differ for HEAD', async () => {
    const anonymous = await fetch(`${server.url}/api/v1/users`, { method: 'HEAD' });
    expect(anonymous.status).toBe(401);
  });
});

describe('the write path', () => {
  it('is open to keys with the scope write and to nothing else', async () => {
    const wrong: string[] = [];
    for (const [name, { headers, may, query = '' }] of credentials) {
      const answer = await fetch(`${writer.url}/api/v1/write${query}`, {
        ...{ method: 'POST', headers: { ...headers, 'content-type': 'text/plain' } },
      });
      await answer.arrayBuffer();
      // A body that is no remote write is the next thing to be refused.
      const status = may === 'bad' ? 401 : may.includes('write') ? 415 : 403;
      if (answer.status !== status) wrong.push(`${name}: ${answer.status}`);
    }
    expect(wrong).toEqual([]);
  });
});
