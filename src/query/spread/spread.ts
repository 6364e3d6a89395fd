import type { Aggregation, Binary, Expr } from '../promql/ast.ts';
import { childrenOf } from '../promql/ast.ts';

/** How answers of storages that each hold a part of the series become the answer of all. */
export type Across =
  /** Each series comes from one of them. */
  | { kind: 'union' }
  /** Groups are in several of them: their values are put together. */
  | { kind: 'fold'; by: 'sum' | 'min' | 'max' }
  /** `avg`: each is asked for these instead, and the sums are divided. */
  | { kind: 'average'; sum: string; count: string };

export type Spread =
  | { ok: true; kind: 'union' }
  | { ok: true; kind: 'fold'; by: 'sum' | 'min' | 'max' }
  | { ok: true; kind: 'average'; sum: Expr; count: Expr }
  /** Where in the text the part stands that needs the series of all of them together. */
  | { ok: false; start: number; end: number };

const folds: Readonly<Record<string, 'sum' | 'min' | 'max'>> = {
  ...{ sum: 'sum', count: 'sum' },
  ...{ min: 'min', max: 'max', group: 'max' },
};

/** They look at all series at once, or say something of there being none. */
const notBySeries = new Set([
  ...['absent', 'absent_over_time', 'scalar', 'sort', 'sort_desc', 'sort_by_label'],
  ...['sort_by_label_desc', 'vector', 'info'],
]);

/**
 * Whether an expression can be asked of storages that share the series among them by `placedBy`: all series with the same
 * values of one of these labels are in one of them.
 */
export function spreadOf(expr: Expr, placedBy: readonly string[]): Spread {
  const top = unwrapped(expr);
  const inner = top.kind === 'aggregation' ? whereNot(top.expr, placedBy) : undefined;
  if (inner !== undefined) return { ok: false, start: inner.start, end: inner.end };
  // Also where its groups should be in one storage each: put together they are right wherever they are.
  const folded = top.kind === 'aggregation' ? foldOf(top) : undefined;
  if (folded) return folded;
  const outer = whereNot(top, placedBy);
  if (outer === undefined) return { ok: true, kind: 'union' };
  return { ok: false, start: outer.start, end: outer.end };
}

function foldOf(top: Aggregation): Spread | undefined {
  const by = folds[top.op];
  if (by !== undefined) return { ok: true, kind: 'fold', by };
  if (top.op !== 'avg') return undefined;
  const as = (op: string): Expr => ({ ...top, op });
  return { ok: true, kind: 'average', sum: as('sum'), count: as('count') };
}

function unwrapped(expr: Expr): Expr {
  return expr.kind === 'paren' ? unwrapped(expr.expr) : expr;
}

/** The innermost part that one storage alone cannot answer of its own series; undefined where it can. */
function whereNot(expr: Expr, placedBy: readonly string[]): Expr | undefined {
  for (const child of childrenOf(expr)) {
    const found = whereNot(child, placedBy);
    if (found) return found;
  }
  switch (expr.kind) {
    case 'call':
      return notBySeries.has(expr.name) ? expr : undefined;
    case 'aggregation':
      return keepsApart(expr, placedBy) ? undefined : expr;
    case 'binary':
      return matchesWithin(expr, placedBy) ? undefined : expr;
    default:
      return undefined;
  }
}

function keepsApart({ without, grouping, op }: Aggregation, placedBy: readonly string[]): boolean {
  if (op === 'count_values') return false;
  return without
    ? placedBy.every((label) => !grouping.includes(label))
    : placedBy.some((label) => grouping.includes(label));
}

function matchesWithin({ matching }: Binary, placedBy: readonly string[]): boolean {
  if (!matching) return true;
  return matching.on
    ? placedBy.some((label) => matching.labels.includes(label))
    : placedBy.every((label) => !matching.labels.includes(label));
}
