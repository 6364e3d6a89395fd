import type { Request, RequestHandler } from 'express';
import { TransportError } from '../errors.ts';
import type { Route } from '../route.ts';

/**
 * Refuses by its headers a body that is longer than any that is taken (the parser would read it to its end first), and
 * one of another kind, which a route would not see at all.
 */
export function judgeBodyHeaders({ spec, takes, errors }: Route, maxBytes: number): RequestHandler {
  const media = takes === 'csv' ? 'text/csv' : 'application/json';
  // Prometheus's and Alertmanager's clients send what theirs take.
  const isOurs = errors === 'envelope' && (spec.body !== undefined || takes !== undefined);
  return (req, _res, next) => {
    if (Number(req.headers['content-length'] ?? 0) > maxBytes) {
      throw new TransportError(413, 'the body is too large');
    }
    if (isOurs && hasBody(req) && typeof req.is(media) !== 'string') {
      throw new TransportError(415, `This path takes ${media}: say so in Content-Type`);
    }
    next();
  };
}

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
