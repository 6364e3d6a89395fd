import type { RequestHandler } from 'express';
import type { Logger } from '../../platform/index.ts';
import { requestFieldsOf } from './request-id.ts';

/** One line a request; never a header, an argument or a body. */
export function accessLog(log: Logger): RequestHandler {
  return (req, res, next) => {
    const startedMs = performance.now();
    res.on('finish', () => {
      const fields = {
        method: req.method,
        path: req.path,
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
