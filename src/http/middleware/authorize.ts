import type { RequestHandler } from 'express';
import { can, type Authenticate, type AuthenticationFailure } from '../../access/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import type { Route } from '../route.ts';
import { localsOf } from './access-log.ts';
import type { Principal } from '../../access/index.ts';

const messages: Readonly<Record<AuthenticationFailure, string>> = {
  missing: 'A credential is required',
  malformed: 'Invalid or expired token',
  unknown: 'Invalid or expired token',
  expired: 'Invalid or expired token',
  revoked: 'Invalid or expired token',
  disabled: 'Invalid or expired token',
};

/** Only the header counts: a token in a URL ends in logs, one in a cookie is sent along by other sites. */
export function authorize(route: Route, authenticate: Authenticate): RequestHandler {
  const { needs } = route;
  if (needs === 'public') return (_req, _res, next) => next();
  return async (req, res, next) => {
    const authentication = await authenticate(req.headers.authorization);
    if (!authentication.ok) {
      localsOf(res).log.debug('credential refused', { reason: authentication.reason });
      throw new GaugewayError('UNAUTHORIZED', messages[authentication.reason]);
    }
    const { principal } = authentication;
    if (!can(principal, needs)) {
      throw new GaugewayError('FORBIDDEN', `This needs the right to ${needs}`);
    }
    (res.locals as { principal?: Principal }).principal = principal;
    next();
  };
}
