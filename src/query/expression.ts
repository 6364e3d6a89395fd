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
import { spreadOf, type Across } from './spread/spread.ts';
import { refuseReservedLabel, tenantLabel } from './tenancy.ts';

/** The `query` argument as a checked tree. Throws 400. */
export function expressionOf(args: Arguments): Expr {
  const expr = parsed('query', scalar(args, 'query') ?? '', parsePromql);
  refuseReservedLabel(expr);
  return expr;
}

export type StorageText = { ok: true; text: string; across?: Across };

/** What storage is asked, or why it is not. `placedBy`: of several storages that share the series (spread.ts). */
export function storageQuery(
  expr: Expr,
  maxSubquerySteps: number,
  placedBy?: readonly string[],
): StorageText | QueryFailure {
  if (subquerySteps(expr, defaultSubqueryStepMs) > maxSubquerySteps) {
    return failure(
      'execution',
      `subqueries ask for more than ${maxSubquerySteps} evaluations; shorten the range or widen the step`,
    );
  }
  try {
    const spread = placedBy && acrossOf(expr, tenantLabel, placedBy);
    if (spread && !spread.ok) return failure('execution', spread.message);
    return { ...spread, ok: true, text: toStorageText(expr, tenantLabel) };
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
  placedBy?: readonly string[],
): StorageText | { ok: false; message: string } {
  try {
    const expr = parsePromql(expression);
    if (hiddenLabel === tenantLabel) refuseReservedLabel(expr);
    const spread = placedBy && acrossOf(expr, hiddenLabel, placedBy);
    if (spread && !spread.ok) return spread;
    return { ...spread, ok: true, text: toStorageText(expr, hiddenLabel) };
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
}

function acrossOf(
  expr: Expr,
  hiddenLabel: string,
  placedBy: readonly string[],
): { ok: true; across: Across } | { ok: false; message: string } {
  const spread = spreadOf(expr, placedBy);
  if (!spread.ok) {
    return {
      ok: false,
      message: `characters ${spread.start} to ${spread.end} of the query need the series of all zones at once: group by ${placedBy.join(' or ')}, or ask for the outermost sum, count, min, max or avg alone`,
    };
  }
  if (spread.kind === 'union') return { ok: true, across: { kind: 'union' } };
  if (spread.kind === 'fold') return { ok: true, across: { kind: 'fold', by: spread.by } };
  const text = (one: Expr): string => toStorageText(one, hiddenLabel);
  return {
    ok: true,
    across: { kind: 'average', sum: text(spread.sum), count: text(spread.count) },
  };
}
