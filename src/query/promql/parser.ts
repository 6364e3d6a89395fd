import type {
  AtModifier,
  Expr,
  MatchOperator,
  Matcher,
  VectorMatching,
  VectorSelector,
} from './ast.ts';
import { checkTypes } from './check.ts';
import { aggregations, functions } from './functions.ts';
import { Cursor, maxDepth } from './cursor.ts';
import { ParseError, type Token } from './lexer.ts';
import { parseDuration, parseNumber, unquote } from './literals.ts';

/** The contract's bound, checked before the text is looked at. */
const maxBytes = 8192;

const precedence: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
};

const unaryPrecedence = 5;
const reservedWords = new Set(['bool', 'group_left', 'group_right', 'ignoring', 'on']);
const matchOperators: ReadonlySet<string> = new Set(['=', '!=', '=~', '!~']);

/**
 * Strict PromQL (promql/parser/generated_parser.y of Prometheus 3); everything else fails, MetricsQL included.
 * Hand-written because the lezer grammar, made for highlighting, binds `a + b[5m]` as `(a + b)[5m]`:
 * a tree that decides what reaches storage has to mean what Prometheus means. Throws ParseError.
 */
export function parsePromql(query: string): Expr {
  if (Buffer.byteLength(query) > maxBytes) {
    throw new ParseError(query, 0, `query is longer than ${maxBytes} bytes`);
  }
  const parser = new Parser(query);
  const expr = parser.whole();
  checkTypes(query, expr);
  return expr;
}

/** One vector selector, as `match[]` wants it. */
export function parseSelector(text: string): VectorSelector {
  const expr = parsePromql(text);
  if (expr.kind !== 'selector' || expr.offsetMs !== undefined || expr.at !== undefined) {
    throw new ParseError(text, 0, 'expected a series selector');
  }
  return expr;
}

class Parser extends Cursor {
  whole(): Expr {
    if (this.peek().kind === 'end') {
      throw new ParseError(this.query, 0, 'no expression found in input');
    }
    const expr = this.binary(1);
    if (this.peek().kind !== 'end') this.unexpected('');
    return expr;
  }

  private operator(): string | undefined {
    const token = this.peek();
    if (token.kind !== 'symbol' && token.kind !== 'identifier') return undefined;
    const text = token.text.toLowerCase();
    return Object.hasOwn(precedence, text) ? text : undefined;
  }

  private binary(lowest: number): Expr {
    return this.nested(() => {
      let lhs = this.unary();
      let links = 0;
      for (;;) {
        const op = this.operator();
        const level = op === undefined ? 0 : precedence[op]!;
        if (op === undefined || level < lowest) return lhs;
        // A chain leans to the left: each link is one level of the tree.
        if (++links + this.depth > maxDepth) {
          this.fail(this.peek().start, `expression is nested deeper than ${maxDepth} levels`);
        }
        this.take();
        const bool = this.accept('bool');
        const matching = this.matching();
        const rhs = this.binary(op === '^' ? level : level + 1);
        const span = { start: lhs.start, end: rhs.end };
        lhs = { kind: 'binary', op, lhs, rhs, bool, ...(matching ? { matching } : {}), ...span };
      }
    });
  }

  private matching(): VectorMatching | undefined {
    const on = this.at('on');
    if (!on && !this.at('ignoring')) return undefined;
    this.take();
    const labels = this.labelList();
    const left = this.at('group_left');
    if (!left && !this.at('group_right')) return { on, labels, card: 'one-to-one', include: [] };
    this.take();
    const include = this.at('(') ? this.labelList() : [];
    return { on, labels, card: left ? 'many-to-one' : 'one-to-many', include };
  }

  private labelList(): string[] {
    const context = 'grouping opts';
    this.expect('(', context);
    const labels: string[] = [];
    while (!this.at(')')) {
      labels.push(this.labelName(context));
      if (!this.accept(',')) break;
    }
    this.expect(')', context);
    return labels;
  }

  private labelName(context: string): string {
    const token = this.peek();
    if (token.kind === 'string') return this.string();
    if (token.kind !== 'identifier' || token.text.includes(':')) this.unexpected(context, 'label');
    return this.take().text;
  }

  private unary(): Expr {
    const sign = this.peek();
    if (!this.at('-') && !this.at('+')) return this.postfix();
    return this.nested(() => {
      this.take();
      const op = sign.text as '+' | '-';
      const expr = this.binary(unaryPrecedence + 1);
      const { start } = sign;
      if (expr.kind !== 'number') return { kind: 'unary', op, expr, start, end: expr.end };
      return op === '+' ? { ...expr, start } : { ...expr, value: -expr.value, start };
    });
  }

  private postfix(): Expr {
    let expr = this.primary();
    for (;;) {
      if (this.at('[')) expr = this.nested(() => this.range(expr));
      else if (this.at('offset')) expr = this.offset(expr);
      else if (this.at('@')) expr = this.atModifier(expr);
      else return expr;
    }
  }

  private range(expr: Expr): Expr {
    const bracket = this.take();
    const rangeMs = this.positiveDuration('range');
    if (this.accept(':')) {
      const stepMs = this.at(']') ? 0 : this.positiveDuration('subquery step');
      const { end } = this.expect(']', 'subquery selector');
      return { kind: 'subquery', expr, rangeMs, stepMs, start: expr.start, end };
    }
    const { end } = this.expect(']', 'matrix selector');
    if (expr.kind !== 'selector') {
      this.fail(bracket.start, 'ranges only allowed for vector selectors');
    }
    if (expr.offsetMs !== undefined)
      this.fail(bracket.start, 'no offset modifiers allowed before range');
    if (expr.at !== undefined) this.fail(bracket.start, 'no @ modifiers allowed before range');
    return { kind: 'matrix', selector: expr, rangeMs, start: expr.start, end };
  }

  /** Milliseconds of a duration or of a number of seconds. */
  private duration(context: string): number {
    const token = this.peek();
    if (token.kind !== 'duration' && token.kind !== 'number') this.unexpected(context, 'duration');
    this.take();
    const seconds = token.kind === 'number' ? parseNumber(token.text) : undefined;
    const ms = seconds === undefined ? parseDuration(token.text) : Math.round(seconds * 1000);
    if (ms === undefined || !Number.isSafeInteger(ms)) {
      this.fail(token.start, `not a valid duration string: "${token.text}"`);
    }
    return ms;
  }

  private positiveDuration(context: string): number {
    const { start } = this.peek();
    const ms = this.duration(context);
    if (ms === 0) this.fail(start, 'duration must be greater than 0');
    return ms;
  }

  private offset(expr: Expr): Expr {
    const token = this.take();
    const negative = this.accept('-');
    if (!negative) this.accept('+');
    const ms = this.duration('offset');
    const offsetMs = negative ? -ms : ms;
    return this.shift(expr, token.start, { name: 'offset', set: { offsetMs } });
  }

  private atModifier(expr: Expr): Expr {
    const token = this.take();
    return this.shift(expr, token.start, { name: '@', set: { at: this.atTime() } });
  }

  private atTime(): AtModifier {
    for (const edge of ['start', 'end'] as const) {
      if (!this.at(edge)) continue;
      this.take();
      this.expect('(', '@ modifier');
      this.expect(')', '@ modifier');
      return edge;
    }
    const negative = this.accept('-');
    if (!negative) this.accept('+');
    const token = this.peek();
    const seconds = token.kind === 'number' ? parseNumber(token.text) : undefined;
    if (seconds === undefined) this.unexpected('@ modifier', 'timestamp');
    const ms = Math.round(seconds * 1000) * (negative ? -1 : 1);
    if (!Number.isSafeInteger(ms)) this.fail(token.start, 'timestamp out of bounds for @ modifier');
    this.take();
    return ms;
  }

  private shift(
    expr: Expr,
    position: number,
    modifier: { name: 'offset' | '@'; set: { offsetMs: number } | { at: AtModifier } },
  ): Expr {
    const { name, set } = modifier;
    const target = expr.kind === 'matrix' ? expr.selector : expr;
    if (target.kind !== 'selector' && target.kind !== 'subquery') {
      this.fail(
        position,
        `${name} modifier must be preceded by an instant vector selector or range vector selector or a subquery`,
      );
    }
    if ((name === 'offset' ? target.offsetMs : target.at) !== undefined) {
      this.fail(position, `${name} may not be set multiple times`);
    }
    const end = this.previousEnd();
    if (expr.kind === 'matrix') return { ...expr, selector: { ...expr.selector, ...set }, end };
    return { ...target, ...set, end };
  }

  private primary(): Expr {
    const token = this.peek();
    const { start, end } = token;
    switch (token.kind) {
      case 'number':
      case 'duration':
        return this.number();
      case 'string':
        return { kind: 'string', value: this.string(), start, end };
      case 'identifier':
        return this.named();
      case 'symbol':
        if (token.text === '(') return this.paren();
        if (token.text === '{') return this.selector('');
        return this.unexpected('');
      case 'end':
        return this.unexpected('');
    }
  }

  private number(): Expr {
    const { text, kind, start, end } = this.take();
    if (kind === 'duration') {
      const durationMs = parseDuration(text);
      if (durationMs === undefined) this.fail(start, `not a valid duration string: "${text}"`);
      return { kind: 'number', value: durationMs / 1000, durationMs, start, end };
    }
    const value = parseNumber(text);
    if (value === undefined) this.fail(start, `bad number or duration syntax: "${text}"`);
    return { kind: 'number', value, start, end };
  }

  private string(): string {
    const token = this.take();
    const value = unquote(token.text);
    if (value === undefined) this.fail(token.start, 'invalid escape in quoted string');
    return value;
  }

  private paren(): Expr {
    const { start } = this.take();
    const expr = this.binary(1);
    if (this.peek().kind === 'end') this.fail(start, 'unclosed left parenthesis');
    const { end } = this.expect(')', 'paren expression');
    return { kind: 'paren', expr, start, end };
  }

  private named(): Expr {
    const token = this.peek();
    const word = token.text.toLowerCase();
    if ((word === 'inf' || word === 'nan') && !this.at('(', 1)) return this.number();
    const grouped = this.at('(', 1) || this.at('by', 1) || this.at('without', 1);
    if (aggregations.has(word) && grouped) return this.aggregation(word);
    if (this.at('(', 1)) return this.call();
    if (reservedWords.has(word)) this.unexpected('');
    this.take();
    return this.selector(token.text, token);
  }

  private call(): Expr {
    const { text: name, start } = this.take();
    if (!functions.has(name)) this.fail(start, `unknown function with name "${name}"`);
    const { args, end } = this.args();
    return { kind: 'call', name, args, start, end };
  }

  private args(): { args: Expr[]; end: number } {
    const context = 'function call args';
    this.expect('(', context);
    const args: Expr[] = [];
    while (!this.at(')')) {
      args.push(this.binary(1));
      if (!this.at(',')) break;
      this.take();
      if (this.at(')'))
        this.fail(this.peek().start, 'trailing commas not allowed in function call args');
    }
    const { end } = this.expect(')', context);
    return { args, end };
  }

  private grouping(): { without: boolean; grouping: string[] } | undefined {
    const without = this.at('without');
    if (!without && !this.at('by')) return undefined;
    this.take();
    return { without, grouping: this.labelList() };
  }

  private aggregation(op: string): Expr {
    const { start } = this.take();
    const before = this.grouping();
    const { args, end: closed } = this.args();
    const group = before ?? this.grouping() ?? { without: false, grouping: [] };
    const end = Math.max(closed, this.previousEnd());
    const wanted = aggregations.get(op) === undefined ? 1 : 2;
    if (args.length !== wanted) {
      this.fail(
        start,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      );
    }
    const expr = args[wanted - 1]!;
    const param = wanted === 2 ? { param: args[0]! } : {};
    return { kind: 'aggregation', op, expr, ...param, ...group, start, end };
  }

  private selector(name: string, token?: Token): VectorSelector {
    const start = token?.start ?? this.peek().start;
    if (!this.at('{')) return { kind: 'selector', name, matchers: [], start, end: token!.end };
    this.take();
    const matchers: Matcher[] = [];
    let metric = name;
    while (!this.at('}')) {
      const found = this.matcher();
      if (typeof found === 'string') {
        if (metric !== '')
          this.fail(start, `metric name must not be set twice: "${metric}" or "${found}"`);
        metric = found;
      } else {
        if (found.name === '__name__' && metric !== '') {
          this.fail(start, `metric name must not be set twice: "${metric}" or "${found.value}"`);
        }
        matchers.push(found);
      }
      if (!this.accept(',')) break;
    }
    const { end } = this.expect('}', 'label matching');
    return { kind: 'selector', name: metric, matchers, start, end };
  }

  /** A matcher, or the metric's name where the text is only a quoted string. */
  private matcher(): Matcher | string {
    const context = 'label matching';
    const quoted = this.peek().kind === 'string';
    const name = this.labelName(context);
    const op = this.peek().text;
    if (!matchOperators.has(op)) {
      if (quoted && (this.at(',') || this.at('}'))) return name;
      this.unexpected(context, 'label matching operator');
    }
    this.take();
    if (this.peek().kind !== 'string') this.unexpected(context, 'string');
    return { name, op: op as MatchOperator, value: this.string() };
  }
}
