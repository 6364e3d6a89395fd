import { childrenOf, type Expr } from '../promql/ast.ts';

/** How long an instant selector sees a sample, milliseconds (Prometheus's lookback). */
export const lookbackMs = 5 * 60_000;

/** Which past an expression reads. */
export interface Reach {
  /** From each evaluated moment back, milliseconds. */
  backMs: number;
  /** The oldest moment that is read whatever is evaluated (`@`), milliseconds since the epoch; Infinity without one. */
  pinnedMs: number;
}

/** The expression at one moment, with `@ start()` and `@ end()` as times already (`withFixedTimes`). */
export function reachOf(expr: Expr): Reach {
  switch (expr.kind) {
    case 'selector':
      return shifted({ backMs: lookbackMs, pinnedMs: Infinity }, expr);
    case 'matrix':
      // A rate looks at the sample before its window too.
      return shifted({ backMs: expr.rangeMs + lookbackMs, pinnedMs: Infinity }, expr.selector);
    case 'subquery': {
      const inner = reachOf(expr.expr);
      return shifted({ ...inner, backMs: inner.backMs + expr.rangeMs }, expr);
    }
    default:
      return childrenOf(expr).map(reachOf).reduce(further, { backMs: 0, pinnedMs: Infinity });
  }
}

const further = (a: Reach, b: Reach): Reach => ({
  backMs: Math.max(a.backMs, b.backMs),
  pinnedMs: Math.min(a.pinnedMs, b.pinnedMs),
});

function shifted({ backMs, pinnedMs }: Reach, { offsetMs = 0, at }: Shift): Reach {
  if (typeof at === 'number') {
    return { backMs: 0, pinnedMs: Math.min(pinnedMs, at - offsetMs - backMs) };
  }
  return { backMs: Math.max(0, backMs + offsetMs), pinnedMs };
}

interface Shift {
  offsetMs?: number;
  at?: number | 'start' | 'end';
}
