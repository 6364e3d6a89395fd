import type { Request, RequestHandler } from 'express';
import type { Logger } from '../../platform/index.ts';
import { requestFieldsOf } from './request-id.ts';

/** One line a request; never a header, an argument or a body. */
export function accessLog(log: Logger): RequestHandler {
  return (req, res, next) => {
    const startedMs = performance.now();
    res.on('finish', () => {
      const fields = {
        method: req.method,
        path: pathOf(req),
        status: res.statusCode,
        durationMs: Math.round((performance.now() - startedMs) * 10) / 10,
        ...requestFieldsOf(res),
      };
      if (res.statusCode >= 500) log.warn('request failed', fields);
      else log.debug('request', fields);
    });
    next();
  };
}

/** A token in a path is a credential: whoever reads the log must not be able to use it. */
function pathOf(req: Request): string {
  const { path } = (req.route ?? {}) as { path?: unknown };
  return typeof path === 'string' && path.includes(':token') ? path : req.path;
}
