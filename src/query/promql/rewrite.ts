import type { Expr, VectorSelector } from './ast.ts';

/** The expression with each one directly below it replaced; of a window its selector stays one. */
export function withChildren(expr: Expr, replace: (child: Expr) => Expr): Expr {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'selector':
      return expr;
    case 'matrix':
      return { ...expr, selector: replace(expr.selector) as VectorSelector };
    case 'call':
      return { ...expr, args: expr.args.map(replace) };
    case 'aggregation':
      return {
        ...expr,
        expr: replace(expr.expr),
        ...(expr.param ? { param: replace(expr.param) } : {}),
      };
    case 'binary':
      return { ...expr, lhs: replace(expr.lhs), rhs: replace(expr.rhs) };
    case 'subquery':
    case 'unary':
    case 'paren':
      return { ...expr, expr: replace(expr.expr) };
  }
}
