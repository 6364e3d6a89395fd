import { childrenOf, type Expr } from '../promql/ast.ts';

/** How long an instant selector sees a sample, milliseconds (Prometheus's lookback). */
export const lookbackMs = 5 * 60_000;

/** Which past an expression reads. */
export interface Reach {
  /** From each evaluated moment back, milliseconds. */
  backMs: number;
  /** The oldest moment that is read whatever is evaluated (`@`), milliseconds since the epoch; Infinity without one. */
  pinnedMs: number;
  /** The widest stretch that is looked at for one moment, wherever it lies, milliseconds. */
  widthMs: number;
}

/** The expression at one moment, with `@ start()` and `@ end()` as times already (`withFixedTimes`). */
export function reachOf(expr: Expr): Reach {
  switch (expr.kind) {
    case 'selector':
      return shifted(looking(lookbackMs), expr);
    case 'matrix':
      // A rate looks at the sample before its window too.
      return shifted(looking(expr.rangeMs + lookbackMs), expr.selector);
    case 'subquery': {
      const inner = reachOf(expr.expr);
      const { backMs, widthMs } = inner;
      const wider = { backMs: backMs + expr.rangeMs, widthMs: widthMs + expr.rangeMs };
      return shifted({ ...inner, ...wider }, expr);
    }
    default:
      return childrenOf(expr).map(reachOf).reduce(further, looking(0));
  }
}

const looking = (backMs: number): Reach => ({ backMs, pinnedMs: Infinity, widthMs: backMs });

const further = (a: Reach, b: Reach): Reach => ({
  backMs: Math.max(a.backMs, b.backMs),
  pinnedMs: Math.min(a.pinnedMs, b.pinnedMs),
  widthMs: Math.max(a.widthMs, b.widthMs),
});

function shifted({ backMs, pinnedMs, widthMs }: Reach, { offsetMs = 0, at }: Shift): Reach {
  if (typeof at === 'number') {
    return { backMs: 0, pinnedMs: Math.min(pinnedMs, at - offsetMs - backMs), widthMs };
  }
  return { backMs: Math.max(0, backMs + offsetMs), pinnedMs, widthMs };
}

interface Shift {
  offsetMs?: number;
  at?: number | 'start' | 'end';
}
