import type { Aggregation, AtModifier, Binary, Call, Expr, Paren, VectorSelector } from './ast.ts';
import { formatDuration, formatNumber, quote } from './literals.ts';

const legacyName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const legacyLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** One line, as Prometheus's `Expr.String()`. */
export function printPromql(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return printNumber(expr.value, expr.durationMs);
    case 'string':
      return quote(expr.value);
    case 'selector':
      return printSelector(expr) + printShift(expr);
    case 'matrix':
      return `${printSelector(expr.selector)}[${formatDuration(expr.rangeMs)}]${printShift(expr.selector)}`;
    case 'subquery':
      return printPromql(expr.expr) + printWindow(expr);
    case 'call':
      return `${expr.name}(${expr.args.map(printPromql).join(', ')})`;
    case 'aggregation':
      return `${printAggregator(expr)}(${expr.param ? `${printPromql(expr.param)}, ` : ''}${printPromql(expr.expr)})`;
    case 'binary':
      return `${printPromql(expr.lhs)} ${printOperator(expr)} ${printPromql(expr.rhs)}`;
    case 'unary':
      return expr.op + printPromql(expr.expr);
    case 'paren':
      return `(${printPromql(expr.expr)})`;
  }
}

/** A line longer than this is split, as in Prometheus's `parser.Prettify`. */
const maxLine = 100;

/** Many lines where one would be too long: what `/api/v1/format_query` answers. */
export function prettyPromql(expr: Expr, level = 0): string {
  const line = printPromql(expr);
  const indent = '  '.repeat(level);
  if (line.length <= maxLine && expr.kind !== 'unary') return indent + line;
  switch (expr.kind) {
    case 'subquery':
      return prettyPromql(expr.expr, level) + printWindow(expr);
    case 'unary':
      return indent + expr.op + prettyPromql(expr.expr, level).trim();
    case 'call':
    case 'aggregation':
    case 'paren':
      return prettyBody(expr, level);
    case 'binary':
      return [
        prettyPromql(expr.lhs, level + 1),
        indent + printOperator(expr),
        prettyPromql(expr.rhs, level + 1),
      ].join('\n');
    default:
      return indent + line;
  }
}

function prettyBody(expr: Call | Aggregation | Paren, level: number): string {
  const indent = '  '.repeat(level);
  const inside = (children: readonly Expr[]): string =>
    children.map((child) => prettyPromql(child, level + 1)).join(',\n');
  const body = (head: string, children: readonly Expr[]): string =>
    `${indent}${head}(\n${inside(children)}\n${indent})`;
  if (expr.kind === 'paren') return body('', [expr.expr]);
  if (expr.kind === 'call') return body(expr.name, expr.args);
  return body(printAggregator(expr), expr.param ? [expr.param, expr.expr] : [expr.expr]);
}

function printNumber(value: number, durationMs: number | undefined): string {
  if (durationMs === undefined) return formatNumber(value);
  return formatDuration(value < 0 ? -durationMs : durationMs);
}

export function printLabel(name: string): string {
  return legacyLabel.test(name) ? name : quote(name);
}

function printSelector({ name, matchers }: VectorSelector): string {
  const plain = name === '' || legacyName.test(name);
  const inner = matchers.map((m) => `${printLabel(m.name)}${m.op}${quote(m.value)}`);
  if (!plain) inner.unshift(quote(name));
  const head = plain ? name : '';
  return inner.length === 0 ? head : `${head}{${inner.join(',')}}`;
}

function printAt(at: AtModifier): string {
  return typeof at === 'number' ? (at / 1000).toFixed(3) : `${at}()`;
}

function printShift(expr: { offsetMs?: number; at?: AtModifier }): string {
  const at = expr.at === undefined ? '' : ` @ ${printAt(expr.at)}`;
  return at + (expr.offsetMs ? ` offset ${formatDuration(expr.offsetMs)}` : '');
}

function printWindow(expr: {
  rangeMs: number;
  stepMs: number;
  offsetMs?: number;
  at?: AtModifier;
}): string {
  const step = expr.stepMs === 0 ? '' : formatDuration(expr.stepMs);
  return `[${formatDuration(expr.rangeMs)}:${step}]${printShift(expr)}`;
}

function printLabels(labels: readonly string[]): string {
  return `(${labels.map(printLabel).join(', ')})`;
}

function printAggregator({ op, without, grouping }: Aggregation): string {
  if (without) return `${op} without ${printLabels(grouping)} `;
  return grouping.length === 0 ? op : `${op} by ${printLabels(grouping)} `;
}

function printOperator({ op, bool, matching }: Binary): string {
  const head = bool ? `${op} bool` : op;
  if (!matching || (matching.labels.length === 0 && !matching.on)) return head;
  const labels = ` ${matching.on ? 'on' : 'ignoring'} ${printLabels(matching.labels)}`;
  if (matching.card !== 'many-to-one' && matching.card !== 'one-to-many') return head + labels;
  const side = matching.card === 'many-to-one' ? 'left' : 'right';
  return `${head}${labels} group_${side} ${printLabels(matching.include)}`;
}
