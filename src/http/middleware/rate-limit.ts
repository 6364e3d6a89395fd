import type { RequestHandler } from 'express';
import type { Principal } from '../../access/index.ts';
import type { Allowances, Asker } from '../../limits/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { ipOf } from '../parse.ts';
import type { Route } from '../route.ts';
import { principalOf } from './guard.ts';

/** Spends one request of the asker's minute (PRP §8.9), before its body is read. */
export function rateLimit(route: Route, allowances: Allowances | undefined): RequestHandler {
  const budget = budgetOf(route);
  if (budget === 'none' || !allowances) return (_req, _res, next) => next();
  return async (req, res, next) => {
    const allowance = await allowances.spend(askerOf(principalOf(res), ipOf(req)), budget);
    if (allowance) {
      res.setHeader('X-RateLimit-Limit', allowance.limit);
      res.setHeader('X-RateLimit-Remaining', allowance.remaining);
      res.setHeader('X-RateLimit-Reset', allowance.resetSeconds);
      if (allowance.isOver) {
        throw new GaugewayError(
          'RATE_LIMIT_EXCEEDED',
          `More than ${allowance.limit} requests in a minute`,
          { retryAfterSeconds: allowance.resetSeconds },
        );
      }
    }
    next();
  };
}

/** The write path has the tenant's own budgets instead. */
export function budgetOf({ budget, method, needs }: Route): 'read' | 'write' | 'none' {
  if (budget !== undefined) return budget;
  if (needs === 'write') return 'none';
  return method === 'GET' ? 'read' : 'write';
}

function askerOf(principal: Principal | undefined, address: string): Asker {
  if (!principal) return { kind: 'address', address };
  const { kind, id, role } = principal;
  return kind === 'user' && role !== undefined ? { kind, id, role } : { kind: 'key', id };
}
