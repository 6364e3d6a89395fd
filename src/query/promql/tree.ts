import type { AtModifier, Binary, Call, Expr, Matcher, ValueType, VectorSelector } from './ast.ts';
import { isSetOperator, typeOf } from './check.ts';
import { functions } from './functions.ts';
import { formatNumber } from './literals.ts';

const typeNames: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar',
  string: 'string',
  'instant vector': 'vector',
  'range vector': 'matrix',
};

/** What `/api/v1/parse_query` answers (web/api/v1/translate_ast.go): durations and timestamps in milliseconds. */
export function toTree(expr: Expr): object {
  switch (expr.kind) {
    case 'number':
      return { type: 'numberLiteral', val: formatNumber(expr.value) };
    case 'string':
      return { type: 'stringLiteral', val: expr.value };
    case 'selector':
      return { type: 'vectorSelector', ...selectorFields(expr) };
    case 'matrix':
      return { type: 'matrixSelector', ...selectorFields(expr.selector), range: expr.rangeMs };
    case 'subquery':
      return {
        type: 'subquery',
        expr: toTree(expr.expr),
        range: expr.rangeMs,
        step: expr.stepMs,
        ...shiftFields(expr),
      };
    case 'call':
      return callFields(expr);
    case 'aggregation':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: toTree(expr.expr),
        param: expr.param ? toTree(expr.param) : null,
        grouping: expr.grouping,
        without: expr.without,
      };
    case 'binary':
      return binaryFields(expr);
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: toTree(expr.expr) };
    case 'paren':
      return { type: 'parenExpr', expr: toTree(expr.expr) };
  }
}

function shiftFields(expr: { offsetMs?: number; at?: AtModifier }): object {
  const { offsetMs = 0, at } = expr;
  return {
    offset: offsetMs,
    timestamp: typeof at === 'number' ? at : null,
    startOrEnd: typeof at === 'string' ? at : null,
  };
}

function selectorFields(selector: VectorSelector): object {
  const named: Matcher[] =
    selector.name === '' ? [] : [{ name: '__name__', op: '=', value: selector.name }];
  const matchers = [...selector.matchers, ...named].map(({ name, op, value }) => ({
    name,
    value,
    type: op,
  }));
  return { name: selector.name, matchers, ...shiftFields(selector) };
}

function callFields({ name, args }: Call): object {
  const signature = functions.get(name)!;
  const func = {
    name,
    argTypes: signature.args.map((type) => typeNames[type]),
    variadic: signature.optional,
    returnType: typeNames[signature.returns],
  };
  return { type: 'call', func, args: args.map(toTree) };
}

function binaryFields({ op, lhs, rhs, bool, matching }: Binary): object {
  const vectors = typeOf(lhs) !== 'scalar' && typeOf(rhs) !== 'scalar';
  const card = isSetOperator(op) ? 'many-to-many' : (matching?.card ?? 'one-to-one');
  const { on = false, labels = [], include = [] } = matching ?? {};
  return {
    type: 'binaryExpr',
    op,
    lhs: toTree(lhs),
    rhs: toTree(rhs),
    matching: vectors ? { card, labels, on, include } : null,
    bool,
  };
}
