import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import type { Authenticate, Principal } from '../access/index.ts';
import { GaugewayError, messageOf, type Logger, type Meters } from '../platform/index.ts';
import { sendError, toFault, TransportError, type ErrorShape } from './errors.ts';
import { localsOf, logRequests } from './middleware/access-log.ts';
import { authorize } from './middleware/authorize.ts';
import { measureRequests } from './middleware/meters.ts';
import type { Route } from './route.ts';

export interface AppDeps {
  routes: readonly Route[];
  authenticate: Authenticate;
  /** Whether clients reach us over TLS: only then may they be told to insist on it. */
  isTls: boolean;
  maxBodyBytes: number;
  /** Addresses (CIDR) whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
  log: Logger;
  meters: Meters;
}

/** Everything but the write path. */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', [...deps.trustedProxies]);
  for (const middleware of beforeRoutes(deps)) app.use(middleware);
  for (const route of deps.routes) {
    const method = route.method.toLowerCase() as Lowercase<Route['method']>;
    app[method](route.path, ...onRoute(route, deps), handlerOf(route));
  }
  refuseOtherMethods(app, deps.routes);
  app.use((req) => {
    throw new GaugewayError('NOT_FOUND', `There is nothing at ${req.path}`);
  });
  app.use(answerErrors(deps.routes));
  return app;
}

/** In this order, for every request. */
function beforeRoutes({ isTls, log, meters }: AppDeps): RequestHandler[] {
  return [
    // First, so that whatever comes after it is counted, also what is refused.
    measureRequests(meters),
    // Before anything that can fail: its id stands in the log line and in the answer.
    logRequests(log),
    // Before any answer can be given.
    helmet({
      strictTransportSecurity: isTls ? { maxAge: 31_536_000 } : false,
      contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    }) as RequestHandler,
  ];
}

/** In this order, for a request whose route is known. */
function onRoute(route: Route, { authenticate, maxBodyBytes }: AppDeps): RequestHandler[] {
  return [
    // Who and whether, before a byte of the body is read. Rate limits (PRP §8.9) count by principal: they come next.
    authorize(route, authenticate),
    // JSON only: forms are read by the endpoints that take them, with repeated names kept apart.
    express.json({ limit: maxBodyBytes }),
  ];
}

function handlerOf(route: Route): RequestHandler {
  return (req, res) => {
    const { requestId, log } = localsOf(res);
    const { principal } = res.locals as { principal?: Principal };
    return route.handle({ req, res, principal, requestId, log });
  };
}

function refuseOtherMethods(app: Express, routes: readonly Route[]): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
    if (methods.includes('GET')) methods.push('HEAD' as Route['method']);
    app.all(path, (_req, res) => {
      res.setHeader('Allow', methods.join(', '));
      throw new TransportError(405, 'This method is not allowed here');
    });
  }
}

/** Express's own handler prints a stack for every client that hangs up. */
function answerErrors(routes: readonly Route[]): ErrorRequestHandler {
  const shapes = new Map(routes.map((route) => [route.path, route.errors]));
  return (error, req, res, next) => {
    const { log, requestId } = localsOf(res);
    const fault = toFault(error);
    if (!fault) log.error('unexpected error', { error: messageOf(error), stack: stackOf(error) });
    if (res.headersSent || res.destroyed) {
      res.destroy();
      return;
    }
    const { path } = (req.route ?? {}) as { path?: string };
    const shape = shapes.get(path ?? '') ?? shapeOfUnknown(req.path);
    sendError(res, fault ?? internal(requestId), shape);
    closeUnread(res);
    void next;
  };
}

const internal = (requestId: string): GaugewayError =>
  new GaugewayError('INTERNAL_ERROR', 'Something went wrong here', {
    details: { request_id: requestId },
  });

function shapeOfUnknown(path: string): ErrorShape {
  return path.startsWith('/prometheus/') ? 'prometheus' : 'envelope';
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}

/** A refused body is not read to its end: the connection ends after the answer. */
function closeUnread(res: Response): void {
  const { req } = res;
  if (req.complete || req.readableEnded) return;
  res.once('finish', () => req.destroy());
}
