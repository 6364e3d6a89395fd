import { parsePromql, type Expr } from '../query/index.ts';

/** A part of an expression that lets rows through only where they compare. */
export interface Comparison {
  /** What is compared, as it stands in the expression. */
  left: string;
  operator: string;
  threshold: number;
  holds: (value: number) => boolean;
}

const tests: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  '>': (value, threshold) => value > threshold,
  '<': (value, threshold) => value < threshold,
  '>=': (value, threshold) => value >= threshold,
  '<=': (value, threshold) => value <= threshold,
  '==': (value, threshold) => value === threshold,
  '!=': (value, threshold) => value !== threshold,
};

const setOperators = new Set(['and', 'or', 'unless']);

/**
 * The comparisons with a number that decide which rows an expression has: `a > 1`, and those that `and`, `or` and
 * `unless` join. None of an expression of another form.
 */
export function comparisonsOf(expression: string): Comparison[] {
  return found(parsePromql(expression), expression);
}

function found(expr: Expr, text: string): Comparison[] {
  if (expr.kind === 'paren') return found(expr.expr, text);
  if (expr.kind !== 'binary') return [];
  if (setOperators.has(expr.op)) return [...found(expr.lhs, text), ...found(expr.rhs, text)];
  const test = tests[expr.op];
  const threshold = numberOf(expr.rhs);
  if (test === undefined || threshold === undefined || expr.bool) return [];
  const left = text.slice(expr.lhs.start, expr.lhs.end);
  return [{ left, operator: expr.op, threshold, holds: (value) => test(value, threshold) }];
}

function numberOf(expr: Expr): number | undefined {
  if (expr.kind === 'number') return expr.value;
  if (expr.kind === 'paren') return numberOf(expr.expr);
  if (expr.kind !== 'unary') return undefined;
  const value = numberOf(expr.expr);
  return value !== undefined && expr.op === '-' ? -value : value;
}
