import { messageOf } from '../platform/index.ts';
import { failure, type QueryFailure } from './outcome.ts';
import { parsed, scalar, type Arguments } from './params.ts';
import type { Expr } from './promql/ast.ts';
import { parsePromql } from './promql/parser.ts';
import { subquerySteps } from './promql/selectors.ts';
import {
  defaultSubqueryStepMs,
  toStorageText,
  UnsupportedFunction,
} from './promql/storage-text.ts';
import { refuseReservedLabel, tenantLabel } from './tenancy.ts';

/** The `query` argument as a checked tree. Throws 400. */
export function expressionOf(args: Arguments): Expr {
  const expr = parsed('query', scalar(args, 'query') ?? '', parsePromql);
  refuseReservedLabel(expr);
  return expr;
}

/** What storage is asked, or why it is not. */
export function storageQuery(
  expr: Expr,
  maxSubquerySteps: number,
): { ok: true; text: string } | QueryFailure {
  if (subquerySteps(expr, defaultSubqueryStepMs) > maxSubquerySteps) {
    return failure(
      'execution',
      `subqueries ask for more than ${maxSubquerySteps} evaluations; shorten the range or widen the step`,
    );
  }
  try {
    return { ok: true, text: toStorageText(expr, tenantLabel) };
  } catch (error) {
    if (error instanceof UnsupportedFunction) return failure('execution', error.message);
    throw error;
  }
}

/**
 * A rule's expression in the words of storage; the trees of rules are checked when they are loaded. `hiddenLabel` keeps
 * those apart who share storage.
 */
export function ruleQuery(
  expression: string,
  hiddenLabel: string,
): { ok: true; text: string } | { ok: false; message: string } {
  try {
    const expr = parsePromql(expression);
    if (hiddenLabel === tenantLabel) refuseReservedLabel(expr);
    return { ok: true, text: toStorageText(expr, hiddenLabel) };
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}
