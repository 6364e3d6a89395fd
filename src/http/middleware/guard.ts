import type { RequestHandler, Response } from 'express';
import type { Action, Authenticate, Principal } from '../../access/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import type { Route } from '../route.ts';

interface Locals {
  principal?: Principal;
}

export function principalOf(res: Response): Principal | undefined {
  return (res.locals as Locals).principal;
}

export type Can = (principal: Principal, action: Action) => boolean;

/** Who is it, and may they: before a byte of the body is read. */
export function guard(route: Route, authenticate: Authenticate, can: Can): RequestHandler {
  const { needs } = route;
  if (needs === 'public') return (_req, _res, next) => next();
  return async (req, res, next) => {
    const authentication = await authenticate(req.get('authorization'));
    if (!authentication.ok) {
      const { reason } = authentication;
      if (reason === 'suspended') throw suspended();
      throw new GaugewayError(
        'UNAUTHORIZED',
        reason === 'missing' ? 'Authentication is required' : 'Invalid or expired token',
        { details: { reason } },
      );
    }
    const { principal } = authentication;
    if (!can(principal, needs)) {
      throw new GaugewayError('FORBIDDEN', `This needs the right to ${needs}`, {
        details: { needs },
      });
    }
    const tenant = req.get('x-scope-orgid');
    if (tenant !== undefined && tenant !== principal.tenantId) {
      throw new GaugewayError('FORBIDDEN', "X-Scope-OrgID is not the credential's tenant");
    }
    (res.locals as Locals).principal = principal;
    next();
  };
}

/** A credential that is right, of a tenant that is not served: to come again with another would not help. */
export function suspended(): GaugewayError {
  return new GaugewayError('FORBIDDEN', 'This tenant is suspended', {
    details: { reason: 'suspended' },
  });
}
