import type { Expr } from '../promql/ast.ts';
import { withChildren } from '../promql/rewrite.ts';

interface Span {
  startMs: number;
  endMs: number;
}

/** `@ start()` and `@ end()` as the times that they stand for: parts of a range have other ends than the whole. */
export function withFixedTimes(expr: Expr, span: Span): Expr {
  const below = withChildren(expr, (child) => withFixedTimes(child, span));
  if (below.kind !== 'selector' && below.kind !== 'subquery') return below;
  if (below.at === 'start') return { ...below, at: span.startMs };
  return below.at === 'end' ? { ...below, at: span.endMs } : below;
}
