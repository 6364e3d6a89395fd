import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { can, type Action, type Authentication, type Principal } from '../../src/access/index.ts';
import {
  auditRoutes,
  authRoutes,
  createHttpServer,
  healthRoutes,
  hostRoutes,
  ingestRoutes,
  keyRoutes,
  prometheusRoutes,
  tenantRoutes,
  userRoutes,
  type HttpServer,
  type Route,
} from '../../src/http/index.ts';
import { createMeters, silentLogger } from '../../src/platform/index.ts';

/** Rooms are not reached: every handler is replaced, so that what is tested is the table and the guard. */
const unused: any = new Proxy({}, { get: () => () => undefined });

const table: Route[] = [
  ...healthRoutes({ checks: {}, meters: unused }),
  ...ingestRoutes(unused),
  ...prometheusRoutes(unused),
  ...authRoutes(unused),
  ...keyRoutes(unused),
  ...userRoutes(unused),
  ...tenantRoutes(unused),
  ...auditRoutes(unused),
  ...hostRoutes(unused),
];

const base = { id: '1', tenantId: 'a' } as const;
const principals: Readonly<Record<string, Principal>> = {
  viewer: { ...base, kind: 'user', name: 'v', role: 'Viewer' },
  operator: { ...base, kind: 'user', name: 'o', role: 'Operator' },
  admin: { ...base, kind: 'user', name: 'a', role: 'Admin' },
  readKey: { ...base, kind: 'key', name: 'r', scopes: ['read'] },
  writeKey: { ...base, kind: 'key', name: 'w', scopes: ['write'] },
  hostKey: { ...base, kind: 'key', name: 'h', scopes: ['write'], hostId: 'one' },
  adminKey: { ...base, kind: 'key', name: 'k', scopes: ['admin'] },
};

/** Written out by hand, so that a slip in `roles.ts` does not move the expectation with it. */
const allowed: Readonly<Record<Action, readonly string[]>> = {
  read: ['viewer', 'operator', 'admin', 'readKey', 'adminKey'],
  operate: ['operator', 'admin', 'adminKey'],
  admin: ['admin', 'adminKey'],
  write: ['writeKey', 'hostKey'],
};

const everybody = new Set([
  'GET /health',
  'GET /-/healthy',
  'GET /ready',
  'GET /-/ready',
  'POST /api/v1/auth/login',
  'POST /api/v1/auth/refresh',
]);

const administration = /^\/api\/v1\/(keys|users|tenants|audit)(\/|$)|\/status\/tsdb$/;

function authenticate(authorization: string | undefined): Authentication {
  if (authorization === undefined) return { ok: false, reason: 'missing' };
  const principal = principals[authorization];
  return principal ? { ok: true, principal } : { ok: false, reason: 'unknown' };
}

let server: HttpServer;
let url: string;

beforeAll(async () => {
  server = createHttpServer({
    routes: table.map((route) => ({ ...route, handle: ({ res }) => void res.json('reached') })),
    rawHandlers: [],
    authenticate,
    can,
    maxBodyBytes: 1_024,
    log: silentLogger,
    meters: createMeters(),
    limits: { maxHeaderBytes: 16_384, headersTimeoutMs: 5_000, requestTimeoutMs: 10_000 },
  });
  const { port } = await server.listen('127.0.0.1', 0);
  url = `http://127.0.0.1:${port}`;
});

afterAll(() => server.close());

async function ask(route: Route, headers: Record<string, string>): Promise<Response> {
  const answer = await fetch(url + route.path.replace(/:\w+/g, 'x'), {
    method: route.method,
    headers,
  });
  await answer.arrayBuffer();
  return answer;
}

const nameOf = ({ method, path }: Route) => `${method} ${path}`;

describe('the endpoint table', () => {
  it('is open to everybody in these places only', () => {
    const open = table.filter(({ needs }) => needs === 'public').map(nameOf);
    expect(new Set(open)).toEqual(everybody);
  });

  it('asks for the admin right wherever administration is done', () => {
    const wrong = table.filter(
      ({ path, needs }) => administration.test(path) !== (needs === 'admin'),
    );
    expect(wrong.map(nameOf)).toEqual([]);
  });

  it('names no endpoint twice', () => {
    expect(new Set(table.map(nameOf)).size).toBe(table.length);
  });
});

describe.each(table.map((route) => [nameOf(route), route] as const))('%s', (name, route) => {
  const { needs } = route;

  it('answers 401 with a challenge to who is unknown, unless it is public', async () => {
    for (const headers of [{}, { authorization: 'nobody' }]) {
      const answer = await ask(route, headers);
      expect(answer.status, name).toBe(needs === 'public' ? 200 : 401);
      expect(answer.headers.has('www-authenticate')).toBe(needs !== 'public');
    }
  });

  it('lets in who has its right, and nobody else', async () => {
    for (const who of Object.keys(principals)) {
      const answer = await ask(route, { authorization: who });
      const isAllowed = needs === 'public' || allowed[needs].includes(who);
      expect(answer.status, `${who} at ${name}`).toBe(isAllowed ? 200 : 403);
    }
  });

  it('answers 403 to a credential that claims another tenant', async () => {
    if (needs === 'public') return;
    const answer = await ask(route, { authorization: allowed[needs][0]!, 'x-scope-orgid': 'b' });
    expect(answer.status).toBe(403);
  });
});
