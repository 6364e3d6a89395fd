import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Authenticate } from '../access/principal.ts';
import { GaugewayError, messageOf, type Logger, type Meters } from '../platform/index.ts';
import { sendError, type ErrorShape } from './errors.ts';
import { accessLog } from './middleware/access-log.ts';
import { guard, principalOf, type Can } from './middleware/guard.ts';
import { apiMeters } from './middleware/meters.ts';
import { requestId, requestIdOf } from './middleware/request-id.ts';
import type { Route } from './route.ts';

export interface AppDeps {
  routes: readonly Route[];
  authenticate: Authenticate;
  can: Can;
  /** Answers are sent over TLS, so browsers may be told to insist on it. */
  isTls: boolean;
  maxBodyBytes: number;
  log: Logger;
  meters: Meters;
}

/** What the error handler says when nothing matched: the shape follows the place where it was asked. */
const shapeOfPath = (path: string, routes: readonly Route[]): ErrorShape =>
  routes.find((route) => route.path === path)?.errors ?? 'envelope';

export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  const middleware: readonly RequestHandler[] = [
    // First: everything later logs with it.
    requestId(),
    // Before anything can answer, so that every answer is logged and counted.
    accessLog(deps.log),
    apiMeters(app, deps.meters),
    // On every answer, errors included. HSTS only where TLS is spoken (PRP REQ-BE-SEC-TLS-002).
    helmet({ hsts: deps.isTls ? { maxAge: 31_536_000 } : false }),
    // Rate limits of the REST API belong here: after what must count them, before what costs.
  ];
  for (const one of middleware) app.use(one);
  const json = express.json({ limit: deps.maxBodyBytes, strict: true });
  for (const route of deps.routes) mount(app, route, json, deps);
  app.use(notFound(deps.routes));
  app.use(errorHandler(deps));
  return app;
}

function mount(app: Express, route: Route, json: RequestHandler, deps: AppDeps): void {
  const method = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete';
  app[method](
    route.path,
    guard(route, deps.authenticate, deps.can),
    json,
    async (req, res): Promise<void> => {
      await route.handle({
        req,
        res,
        principal: principalOf(res),
        requestId: requestIdOf(res),
        log: deps.log,
      });
    },
  );
}

/** 405 with `Allow` where the path exists with another method, else 404. */
function notFound(routes: readonly Route[]): RequestHandler {
  const matchers = routes.map((route) => ({
    method: route.method,
    errors: route.errors,
    pattern: new RegExp(`^${route.path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}/?$`),
  }));
  return (req, res) => {
    const found = matchers.filter(({ pattern }) => pattern.test(req.path));
    const shape = found[0]?.errors ?? 'envelope';
    if (found.length === 0) {
      sendError(res, new GaugewayError('NOT_FOUND', 'There is nothing at this path'), shape);
      return;
    }
    const allowed = [...new Set(found.map(({ method }) => method))].join(', ');
    res.setHeader('Allow', allowed);
    sendError(res, new GaugewayError('NOT_FOUND', `This path takes ${allowed}`), shape);
    res.statusCode = 405;
  };
}

interface HttpError {
  type?: string;
  status?: number;
}

/** Errors of the body parser are the client's. */
function toGaugewayError(error: unknown): GaugewayError | undefined {
  if (error instanceof GaugewayError) return error;
  const { type, status } = (error ?? {}) as HttpError;
  if (type === 'entity.too.large') {
    return new GaugewayError('BAD_REQUEST', 'The body is too large (http.maxBodyBytes)');
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return new GaugewayError('BAD_REQUEST', `The request cannot be read: ${messageOf(error)}`);
  }
  return undefined;
}

function errorHandler({ log, routes }: AppDeps): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) {
      // Express ends the connection: a half-sent answer must not look like a whole one.
      next(error);
      return;
    }
    const shape = shapeOfPath((req.route as { path?: string } | undefined)?.path ?? '', routes);
    const known = toGaugewayError(error);
    if (known) {
      sendError(res, known, shape);
      return;
    }
    const id = requestIdOf(res);
    log.error('a request failed unexpectedly', {
      requestId: id,
      error: error instanceof Error ? error.stack : messageOf(error),
    });
    const details = { requestId: id };
    sendError(res, new GaugewayError('INTERNAL_ERROR', 'Something went wrong', { details }), shape);
  };
}
