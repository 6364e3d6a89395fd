import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import type { Authenticate } from '../access/index.ts';
import type { Allowances } from '../limits/index.ts';
import { GaugewayError, messageOf, type Logger, type Meters } from '../platform/index.ts';
import { sendError, toFault, TransportError, type ErrorShape } from './errors.ts';
import { accessLog } from './middleware/access-log.ts';
import { judgeBodyHeaders } from './middleware/body-headers.ts';
import { guard, principalOf, type Can } from './middleware/guard.ts';
import { apiMeters } from './middleware/meters.ts';
import { rateLimit } from './middleware/rate-limit.ts';
import { requestFieldsOf, requestId, requestIdOf } from './middleware/request-id.ts';
import type { ReadCache } from './read-cache.ts';
import type { Call, Route } from './route.ts';

export interface AppDeps {
  routes: readonly Route[];
  authenticate: Authenticate;
  can: Can;
  /** Answers are sent over TLS, so browsers may be told to insist on it. */
  isTls: boolean;
  /** Told of each change that a tenant makes. */
  readCache?: ReadCache;
  /** Does the work for one tenant: nothing of others is seen or changed, whatever it asks for. */
  ofTenant?: (tenantId: string, work: () => Promise<void>) => Promise<void>;
  /** Nobody is limited when absent. */
  allowances?: Allowances;
  maxBodyBytes: number;
  /** Addresses (CIDR) whose X-Forwarded-For is believed; none when absent. */
  trustedProxies?: readonly string[];
  log: Logger;
  meters: Meters;
}

export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', [...(deps.trustedProxies ?? [])]);
  const middleware: readonly RequestHandler[] = [
    // First: everything later logs with it.
    requestId(),
    // Before anything can answer, so that every answer is logged and counted.
    accessLog(deps.log),
    apiMeters(deps.meters),
    // On every answer, errors included. HSTS only where TLS is spoken (PRP REQ-BE-SEC-TLS-002).
    helmet({
      hsts: deps.isTls ? { maxAge: 31_536_000 } : false,
      // Nothing here is a page: whatever a browser takes for one may load and do nothing.
      contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    }),
  ];
  for (const one of middleware) app.use(one);
  const limit = deps.maxBodyBytes;
  const parsers = {
    json: express.json({ limit, strict: true }),
    csv: express.text({ limit, type: 'text/csv', defaultCharset: 'utf-8' }),
  };
  // Paths without parameters first, their 405 included: `/api/v1/agents/enroll` is never taken for a host.
  const hasParameter = ({ path }: Route): boolean => path.includes('/:');
  for (const routes of [
    deps.routes.filter((route) => !hasParameter(route)),
    deps.routes.filter(hasParameter),
  ]) {
    for (const route of routes) mount(app, route, parsers[route.takes ?? 'json'], deps);
    refuseOtherMethods(app, routes);
  }
  app.use(() => {
    throw new GaugewayError('NOT_FOUND', 'There is nothing at this path');
  });
  app.use(errorHandler(deps));
  return app;
}

function mount(app: Express, route: Route, parser: RequestHandler, deps: AppDeps): void {
  const method = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete';
  app[method](
    route.path,
    guard(route, deps.authenticate, deps.can),
    // By principal, and before the body is read.
    rateLimit(route, deps.allowances),
    judgeBodyHeaders(route, deps.maxBodyBytes),
    parser,
    async (req, res): Promise<void> => {
      const principal = principalOf(res);
      const call: Call = {
        ...{ req, res, principal, requestId: requestIdOf(res) },
        // Most routes log nothing.
        get log() {
          return deps.log.child('http', { ...requestFieldsOf(res) });
        },
      };
      const handle = async (): Promise<void> => route.handle(call);
      try {
        if (!principal || route.sees === 'all' || !deps.ofTenant) await handle();
        else await deps.ofTenant(principal.tenantId, handle);
      } finally {
        // Also where it failed half-way: what is asked next is asked anew.
        if (principal && isChange(route)) deps.readCache?.forget(principal.tenantId);
      }
    },
  );
}

/** Questions by POST and samples change nothing that is kept. */
function isChange({ method, needs }: Route): boolean {
  return method !== 'GET' && (needs === 'admin' || needs === 'operate');
}

/** 405 with `Allow` where the path exists with another method. */
function refuseOtherMethods(app: Express, routes: readonly Route[]): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
    const allowed = methods.includes('GET') ? ['HEAD', ...methods] : methods;
    app.all(path, (_req, res) => {
      res.setHeader('Allow', allowed.join(', '));
      throw new TransportError(405, `This path takes ${allowed.join(', ')}`);
    });
  }
}

/** Express's own handler prints a stack for every client that hangs up. */
function errorHandler({ log, routes }: AppDeps): ErrorRequestHandler {
  const shapes = new Map(routes.map((route) => [route.path, route.errors]));
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express tells an error handler by its four parameters
  return (error: unknown, req, res, _next) => {
    const id = requestIdOf(res);
    const fault = toFault(error);
    if (!fault) {
      const text = error instanceof Error ? error.stack : messageOf(error);
      log.error('a request failed unexpectedly', { ...requestFieldsOf(res), error: text });
    }
    if (res.headersSent) {
      // A half-sent answer must not look like a whole one.
      res.destroy();
      return;
    }
    const { path } = (req.route ?? {}) as { path?: string };
    const shape = shapes.get(path ?? '') ?? shapeOfUnknown(req.path);
    const details = { request_id: id };
    const unexpected = () =>
      new GaugewayError('INTERNAL_ERROR', 'Something went wrong', { details });
    sendError(res, fault ?? unexpected(), shape);
    endUnread(res);
  };
}

function shapeOfUnknown(path: string): ErrorShape {
  return path.startsWith('/prometheus/') ? 'prometheus' : 'envelope';
}

/** The rest of a refused body is not read: the connection ends after the answer. */
function endUnread(res: Response): void {
  const { req } = res;
  if (req.complete || Number(req.headers['content-length'] ?? Infinity) <= 65_536) return;
  res.once('finish', () => req.destroy());
}
