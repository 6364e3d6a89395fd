import type { Binary, Call, Expr, MatrixSelector, VectorSelector } from '../promql/ast.ts';
import { withChildren } from '../promql/rewrite.ts';

export interface Adapted {
  expr: Expr;
  /** What the answer does not say as the samples themselves would. */
  warnings: ReadonlySet<string>;
}

/** Functions of single samples, which aggregates do not have. */
const needRaw = new Set([
  ...['changes', 'idelta', 'irate', 'resets', 'first_over_time', 'ts_of_first_over_time'],
  ...['mad_over_time', 'quantile_over_time', 'stddev_over_time', 'stdvar_over_time'],
  ...['ts_of_max_over_time', 'ts_of_min_over_time', 'double_exponential_smoothing', 'holt_winters'],
]);

/** Those that the aggregates answer exactly: from the sums, minima, maxima and counts of the windows. */
type Exact =
  'avg_over_time' | 'sum_over_time' | 'min_over_time' | 'max_over_time' | 'count_over_time';
const exact: ReadonlySet<string> = new Set<Exact>([
  ...(['avg_over_time', 'sum_over_time', 'min_over_time'] as const),
  ...(['max_over_time', 'count_over_time'] as const),
]);

/** The expression as it is asked of a storage of aggregates `stepMs` apart, meaning what it means over the samples. */
export function adaptTo(stepMs: number, expr: Expr): Adapted {
  const warnings = new Set<string>();
  const adapt = (node: Expr): Expr => {
    if (node.kind === 'matrix') return widened(node, stepMs, warnings);
    if (node.kind !== 'call') return withChildren(node, adapt);
    if (needRaw.has(node.name)) {
      warnings.add(`${node.name} needs samples, and was given averages of ${minutes(stepMs)}`);
    }
    const [window] = node.args;
    if (!exact.has(node.name) || window?.kind !== 'matrix') return withChildren(node, adapt);
    const wide = widened(window, stepMs, warnings);
    if (wide.selector.name === '') {
      warnings.add(
        `${node.name} of a selector without a metric name was given averages of ${minutes(stepMs)}`,
      );
      return { ...node, args: [wide] };
    }
    return fromAggregates(node, wide, stepMs);
  };
  return { expr: adapt(expr), warnings };
}

const minutes = (ms: number): string => `${String(ms / 60_000)}m`;

/** A window must hold two aggregates, or a rate has nothing to go by. */
function widened(node: MatrixSelector, stepMs: number, warnings: Set<string>): MatrixSelector {
  if (node.rangeMs >= 2 * stepMs) return node;
  warnings.add(`windows shorter than ${minutes(2 * stepMs)} were widened to it`);
  return { ...node, rangeMs: 2 * stepMs };
}

/** Of counters there is the plain name alone: what the aggregates do not have comes from it. */
function fromAggregates(call: Call, window: MatrixSelector, stepMs: number): Expr {
  const over = (name: string, suffix: string): Call => ({
    ...call,
    name,
    args: [{ ...window, selector: named(window.selector, suffix) }],
  });
  const sum = (): Call => ({ ...call, name: 'sum_over_time', args: [weighted(window, stepMs)] });
  const aggregate = (): Expr => {
    switch (call.name as Exact) {
      case 'min_over_time':
        return over('min_over_time', 'min');
      case 'max_over_time':
        return over('max_over_time', 'max');
      case 'count_over_time':
        return over('sum_over_time', 'count');
      case 'sum_over_time':
        return sum();
      case 'avg_over_time':
        return binary(call, '/', [sum(), over('sum_over_time', 'count')]);
    }
  };
  return {
    ...call,
    kind: 'paren',
    expr: binary(call, 'or', [aggregate(), { ...call, args: [window] }]),
  };
}

/** Each window's average times its count, at each window's end. */
function weighted({ selector, rangeMs, start, end }: MatrixSelector, stepMs: number): Expr {
  const { offsetMs, at, ...plain } = selector;
  return {
    ...{ kind: 'subquery', start, end, rangeMs, stepMs },
    ...(offsetMs === undefined ? {} : { offsetMs }),
    ...(at === undefined ? {} : { at }),
    expr: binary({ start, end }, '*', [plain, named(plain, 'count')]),
  };
}

const named = (selector: VectorSelector, suffix: string): VectorSelector => ({
  ...selector,
  name: `${selector.name}:${suffix}`,
});

function binary(
  { start, end }: { start: number; end: number },
  op: '*' | '/' | 'or',
  [lhs, rhs]: [Expr, Expr],
): Binary {
  const card = op === 'or' ? 'many-to-many' : 'one-to-one';
  const matching = { on: false, labels: [], card, include: [] } as const;
  return { kind: 'binary', start, end, op, lhs, rhs, bool: false, matching };
}
