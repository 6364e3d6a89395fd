import { childrenOf, walk, type Expr, type VectorSelector } from './ast.ts';

/** Every vector selector of an expression, in reading order. */
export function selectors(expr: Expr): VectorSelector[] {
  return [...walk(expr)].filter((node) => node.kind === 'selector');
}

/** Every label name that an expression reads, groups by, matches on or writes; strings given to `label_*` count. */
export function labelsUsed(expr: Expr): Set<string> {
  const names = new Set<string>();
  for (const node of walk(expr)) for (const name of namesIn(node)) names.add(name);
  return names;
}

function namesIn(node: Expr): readonly string[] {
  switch (node.kind) {
    case 'selector':
      return node.matchers.map((matcher) => matcher.name);
    case 'aggregation':
      return [...node.grouping, ...stringsIn(node.op === 'count_values' ? [node.param] : [])];
    case 'binary':
      return [...(node.matching?.labels ?? []), ...(node.matching?.include ?? [])];
    case 'call':
      return /label/.test(node.name) ? stringsIn(node.args) : [];
    default:
      return [];
  }
}

function stringsIn(args: readonly (Expr | undefined)[]): string[] {
  return args.flatMap((arg) => {
    let inner = arg;
    while (inner?.kind === 'paren') inner = inner.expr;
    return inner?.kind === 'string' ? [inner.value] : [];
  });
}

/**
 * How many evaluations the subqueries of one point ask for: the product along the deepest nest.
 * `[30d:1ms]` is 2.6 billion.
 */
export function subquerySteps(expr: Expr, defaultStepMs: number): number {
  let most = 0;
  const visit = (node: Expr, factor: number): void => {
    const here =
      node.kind === 'subquery' ? factor * (node.rangeMs / (node.stepMs || defaultStepMs)) : factor;
    most = Math.max(most, here);
    for (const child of childrenOf(node)) visit(child, here);
  };
  visit(expr, 1);
  return most;
}
