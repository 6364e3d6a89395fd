import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

const sane = /^[\w.-]{8,64}$/;

/** Takes over a caller's request id when it is harmless in a log, else makes one; every answer carries it. */
export function requestId(): RequestHandler {
  return (req, res, next) => {
    const given = req.get('x-request-id');
    const id = given !== undefined && sane.test(given) ? given : randomUUID();
    (res.locals as Locals).requestId = id;
    res.setHeader('X-Request-Id', id);
    next();
  };
}

interface Locals {
  requestId?: string;
}

export function requestIdOf(res: Response): string {
  return (res.locals as Locals).requestId ?? '';
}
