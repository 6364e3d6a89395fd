/** What an expression yields, in the words Prometheus uses in its messages. */
export type ValueType = 'scalar' | 'instant vector' | 'range vector' | 'string';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  name: string;
  op: MatchOperator;
  value: string;
}

/** Offsets into the query text, UTF-16 units, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** `@` modifier: a fixed time in milliseconds, or the query's own start or end. */
export type AtModifier = number | 'start' | 'end';

interface Shifted {
  /** Milliseconds; absent where the text has no `offset`. */
  offsetMs?: number;
  at?: AtModifier;
}

export interface NumberLiteral extends Span {
  kind: 'number';
  value: number;
  /** Set where the text is a duration used as a number: milliseconds. */
  durationMs?: number;
}

export interface StringLiteral extends Span {
  kind: 'string';
  value: string;
}

export interface VectorSelector extends Span, Shifted {
  kind: 'selector';
  /** Empty where only matchers are given. */
  name: string;
  /** Without the metric name where `name` is set. */
  matchers: readonly Matcher[];
}

export interface MatrixSelector extends Span {
  kind: 'matrix';
  /** Carries the offset and `@` of the whole. */
  selector: VectorSelector;
  rangeMs: number;
}

export interface Subquery extends Span, Shifted {
  kind: 'subquery';
  expr: Expr;
  rangeMs: number;
  /** Zero means the default step. */
  stepMs: number;
}

export interface Call extends Span {
  kind: 'call';
  name: string;
  args: readonly Expr[];
}

export interface Aggregation extends Span {
  kind: 'aggregation';
  op: string;
  expr: Expr;
  param?: Expr;
  without: boolean;
  grouping: readonly string[];
}

export interface VectorMatching {
  on: boolean;
  labels: readonly string[];
  card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many';
  include: readonly string[];
}

export interface Binary extends Span {
  kind: 'binary';
  op: string;
  lhs: Expr;
  rhs: Expr;
  bool: boolean;
  /** Set where both sides are vectors. */
  matching?: VectorMatching;
}

export interface Unary extends Span {
  kind: 'unary';
  op: '+' | '-';
  expr: Expr;
}

export interface Paren extends Span {
  kind: 'paren';
  expr: Expr;
}

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | Binary
  | Unary
  | Paren;

/** The expressions directly below one, in reading order. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'selector':
      return [];
    case 'matrix':
      return [expr.selector];
    case 'call':
      return expr.args;
    case 'aggregation':
      return expr.param ? [expr.param, expr.expr] : [expr.expr];
    case 'binary':
      return [expr.lhs, expr.rhs];
    case 'subquery':
    case 'unary':
    case 'paren':
      return [expr.expr];
  }
}

/** Every expression of a tree, parents first. */
export function* walk(expr: Expr): Generator<Expr> {
  yield expr;
  for (const child of childrenOf(expr)) yield* walk(child);
}
