import {
  childrenOf,
  type Aggregation,
  type Binary,
  type Call,
  type Expr,
  type Matcher,
  type Subquery,
  type Unary,
  type ValueType,
  type VectorSelector,
} from './ast.ts';
import { aggregations, functions } from './functions.ts';
import { ParseError } from './lexer.ts';

const comparisons = new Set(['==', '!=', '<', '<=', '>', '>=']);
const setOperators = new Set(['and', 'or', 'unless']);

export function isComparison(op: string): boolean {
  return comparisons.has(op);
}

export function isSetOperator(op: string): boolean {
  return setOperators.has(op);
}

/** What an expression yields; only for expressions that passed checkTypes. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'call':
      return functions.get(expr.name)?.returns ?? 'instant vector';
    case 'binary':
      return [expr.lhs, expr.rhs].every((side) => typeOf(side) === 'scalar')
        ? 'scalar'
        : 'instant vector';
    case 'unary':
    case 'paren':
      return typeOf(expr.expr);
    default:
      return fixedTypes[expr.kind];
  }
}

const fixedTypes = {
  number: 'scalar',
  string: 'string',
  selector: 'instant vector',
  aggregation: 'instant vector',
  matrix: 'range vector',
  subquery: 'range vector',
} as const;

/** The type rules of Prometheus's parser (`checkAST`); bottom up, so that typeOf never meets an unchecked child. */
export function checkTypes(query: string, expr: Expr): void {
  for (const child of childrenOf(expr)) checkTypes(query, child);
  checkNode(expr, (position, message) => {
    throw new ParseError(query, position, message);
  });
}

function checkNode(expr: Expr, fail: Fail): void {
  switch (expr.kind) {
    case 'selector':
      checkSelector(expr, fail);
      return;
    case 'subquery':
      checkSubquery(expr, fail);
      return;
    case 'unary':
      checkUnary(expr, fail);
      return;
    case 'call':
      checkCall(expr, fail);
      return;
    case 'aggregation':
      checkAggregation(expr, fail);
      return;
    case 'binary':
      checkBinary(expr, fail);
      return;
    default:
  }
}

type Fail = (position: number, message: string) => never;

function expectType(expr: Expr, wanted: ValueType, context: string, fail: Fail): void {
  const type = typeOf(expr);
  if (type !== wanted) fail(expr.start, `expected type ${wanted} in ${context}, got ${type}`);
}

function checkSubquery({ expr, start }: Subquery, fail: Fail): void {
  const type = typeOf(expr);
  if (type !== 'instant vector') {
    fail(start, `subquery is only allowed on instant vector, got ${type} instead`);
  }
}

function checkUnary({ expr, start }: Unary, fail: Fail): void {
  const type = typeOf(expr);
  if (type !== 'scalar' && type !== 'instant vector') {
    fail(
      start,
      `unary expression only allowed on expressions of type scalar or instant vector, got "${type}"`,
    );
  }
}

function checkCall(call: Call, fail: Fail): void {
  const { args, optional } = functions.get(call.name)!;
  const given = call.args.length;
  const least = args.length - Math.abs(optional);
  if (given < least || (optional >= 0 && given > args.length)) {
    const bound = optional === 0 ? '' : given < least ? ' at least' : ' at most';
    const wanted = given < least ? least : args.length;
    fail(
      call.start,
      `expected${bound} ${wanted} argument(s) in call to "${call.name}", got ${given}`,
    );
  }
  call.args.forEach((arg, index) => {
    const wanted = args[Math.min(index, args.length - 1)]!;
    expectType(arg, wanted, `call to function "${call.name}"`, fail);
  });
}

function checkAggregation(expr: Aggregation, fail: Fail): void {
  expectType(expr.expr, 'instant vector', 'aggregation expression', fail);
  const wanted = aggregations.get(expr.op);
  if (wanted !== undefined && expr.param) {
    expectType(expr.param, wanted, 'aggregation parameter', fail);
  }
}

function checkBinary(expr: Binary, fail: Fail): void {
  const sides = [typeOf(expr.lhs), typeOf(expr.rhs)];
  if (sides.some((type) => type !== 'scalar' && type !== 'instant vector')) {
    fail(expr.start, 'binary expression must contain only scalar and instant vector types');
  }
  const scalars = sides.filter((type) => type === 'scalar').length;
  if (expr.bool && !isComparison(expr.op)) {
    fail(expr.start, 'bool modifier can only be used on comparison operators');
  }
  if (scalars > 0 && isSetOperator(expr.op)) {
    fail(expr.start, `set operator "${expr.op}" not allowed in binary scalar expression`);
  }
  if (scalars === 2 && isComparison(expr.op) && !expr.bool) {
    fail(expr.start, 'comparisons between scalars must use BOOL modifier');
  }
  if (expr.matching) checkMatching(expr, scalars, fail);
}

function checkMatching(expr: Binary, scalars: number, fail: Fail): void {
  const { labels, card, on, include } = expr.matching!;
  if (scalars > 0 && (labels.length > 0 || on)) {
    fail(expr.start, 'vector matching only allowed between instant vectors');
  }
  if (card !== 'one-to-one' && isSetOperator(expr.op)) {
    fail(expr.start, `no grouping allowed for "${expr.op}" operation`);
  }
  const both = on ? labels.find((label) => include.includes(label)) : undefined;
  if (both !== undefined) {
    fail(expr.start, `label "${both}" must not occur in ON and GROUP clause at once`);
  }
}

function checkSelector(selector: VectorSelector, fail: Fail): void {
  const named = selector.name !== '';
  if (!named && selector.matchers.every(matchesEmpty)) {
    fail(selector.start, 'vector selector must contain at least one non-empty matcher');
  }
}

function matchesEmpty({ op, value }: Matcher): boolean {
  switch (op) {
    case '=':
      return value === '';
    case '!=':
      return value !== '';
    case '=~':
      return regexMatchesEmpty(value);
    case '!~':
      return !regexMatchesEmpty(value);
  }
}

/** JavaScript's syntax is close enough to RE2's for the empty text; what it cannot read, storage judges. */
function regexMatchesEmpty(pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 's').test('');
  } catch {
    return false;
  }
}
