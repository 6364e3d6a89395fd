import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

const sane = /^[\w.-]{8,64}$/;
/** W3C Trace Context: version, trace id, parent id, flags. */
const traceParent = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** By what a line in the log is found to belong to a request. */
export interface RequestFields {
  requestId: string;
  /** Of the caller's `traceparent`. */
  traceId?: string;
}

/** A caller's request id where it is harmless in a log, else a new one. */
export const requestIdFrom = (given: string | string[] | undefined): string =>
  typeof given === 'string' && sane.test(given) ? given : randomUUID();

/** Every answer carries the id of its request. */
export function requestId(): RequestHandler {
  return (req, res, next) => {
    const id = requestIdFrom(req.get('x-request-id'));
    const traceId = traceParent.exec(req.get('traceparent') ?? '')?.[1];
    const fields: RequestFields = { requestId: id, ...(traceId === undefined ? {} : { traceId }) };
    (res.locals as Locals).request = fields;
    res.setHeader('X-Request-Id', id);
    next();
  };
}

interface Locals {
  request?: RequestFields;
}

export function requestFieldsOf(res: Response): RequestFields {
  return (res.locals as Locals).request ?? { requestId: '' };
}

export const requestIdOf = (res: Response): string => requestFieldsOf(res).requestId;
