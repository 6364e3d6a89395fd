import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Logger } from '../../platform/index.ts';

/** What the middleware leaves for those that come after it. */
export interface Locals {
  requestId: string;
  log: Logger;
}

export function localsOf(res: Response): Locals {
  return res.locals as Locals;
}

/** One that a client made up is taken over only where it cannot do harm in a log or a header. */
const saneRequestId = /^[\w.:-]{1,64}$/;

/** Names the request, and logs how it ended: without query string, headers and body, which may hold secrets. */
export function logRequests(log: Logger): RequestHandler {
  return (req, res, next) => {
    const given = req.get('x-request-id');
    const requestId = given !== undefined && saneRequestId.test(given) ? given : randomUUID();
    res.setHeader('X-Request-Id', requestId);
    const locals: Locals = { requestId, log: log.child('http', { request_id: requestId }) };
    Object.assign(res.locals, locals);
    const begunMs = performance.now();
    const { method, path } = req;
    res.once('close', () => {
      const line = {
        ...{ method, path, status: res.statusCode, ip: req.ip ?? '' },
        ...{ duration_ms: Math.round(performance.now() - begunMs), finished: res.writableFinished },
      };
      if (res.statusCode >= 500) locals.log.warn('request failed', line);
      else locals.log.debug('request', line);
    });
    next();
  };
}
