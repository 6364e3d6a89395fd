import type { Aggregation, Binary, Call, Expr, Matcher, Subquery, VectorSelector } from './ast.ts';
import { typeOf } from './check.ts';
import { functions } from './functions.ts';
import { formatDuration, formatNumber, quote } from './literals.ts';

/** Prometheus's default subquery step (its global evaluation interval), milliseconds. */
export const defaultSubqueryStepMs = 60_000;

/**
 * An instant selector sees a sample for five minutes, unless a stale marker ends it. Storage would guess a shorter
 * time from the sample interval; given a window, `default_rollup` does as Prometheus does.
 */
const lookback = '5m';

/** The expression uses a function for which storage has nothing that means the same. */
export class UnsupportedFunction extends Error {
  constructor(name: string) {
    super(`function "${name}" is not supported by the storage behind this server`);
  }
}

/**
 * The expression in the words of VictoriaMetrics, meaning what Prometheus means by it. Printed from the tree,
 * never copied from the client, so that nothing two parsers could read differently reaches storage.
 * `hiddenLabel` (the tenant's) must not take part in matching or grouping: every vector operation ignores it.
 * Throws UnsupportedFunction.
 */
export function toStorageText(expr: Expr, hiddenLabel: string): string {
  const print = (child: Expr): string => toStorageText(child, hiddenLabel);
  switch (expr.kind) {
    case 'number':
      return formatNumber(expr.value);
    case 'string':
      return quote(expr.value);
    case 'selector':
      return `default_rollup(${printWindow(expr, lookback)})`;
    case 'matrix':
      return printWindow(expr.selector, formatDuration(expr.rangeMs));
    case 'subquery':
      return printSubquery(expr, print);
    case 'call':
      return printCall(expr, print);
    case 'aggregation':
      return printAggregation(expr, hiddenLabel);
    case 'binary':
      return printBinary(expr, hiddenLabel);
    case 'unary':
      return expr.op === '+' ? print(expr.expr) : `(0 - ${print(expr.expr)})`;
    case 'paren':
      return `(${print(expr.expr)})`;
  }
}

function printWindow(selector: VectorSelector, range: string): string {
  return `${printMatchers(selector.name, selector.matchers)}[${range}]${printShift(selector)}`;
}

function printSubquery(expr: Subquery, print: (expr: Expr) => string): string {
  const step = formatDuration(expr.stepMs === 0 ? defaultSubqueryStepMs : expr.stepMs);
  return `(${print(expr.expr)})[${formatDuration(expr.rangeMs)}:${step}]${printShift(expr)}`;
}

/** A selector alone, as `match[]` wants it. */
export function printMatchers(name: string, matchers: readonly Matcher[]): string {
  const all: Matcher[] =
    name === '' ? [...matchers] : [{ name: '__name__', op: '=', value: name }, ...matchers];
  return `{${all.map((m) => `${escapeLabel(m.name)}${m.op}${quote(m.value)}`).join(',')}}`;
}

/** MetricsQL writes unusual label names with backslashes where PromQL quotes them. */
function escapeLabel(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/gu, (character) => `\\${character}`).replace(/^\d/, '\\$&');
}

function printLabels(labels: readonly string[]): string {
  return `(${labels.map(escapeLabel).join(',')})`;
}

function printShift(expr: { offsetMs?: number; at?: number | 'start' | 'end' }): string {
  const at = typeof expr.at === 'number' ? formatNumber(expr.at / 1000) : `${expr.at ?? ''}()`;
  const offset = expr.offsetMs ? ` offset ${formatDuration(expr.offsetMs)}` : '';
  return offset + (expr.at === undefined ? '' : ` @ ${at}`);
}

function printCall(call: Call, print: (expr: Expr) => string): string {
  const { storageName = call.name, storageKeepsName } = functions.get(call.name)!;
  if (storageName === null) throw new UnsupportedFunction(call.name);
  const [first] = call.args;
  // The time of the sample itself, which a rollup's result no longer has.
  if (call.name === 'timestamp' && first?.kind === 'selector') {
    return `timestamp(${printWindow(first, lookback)})`;
  }
  if (call.name === 'absent' && first?.kind === 'selector') {
    return `label_set(absent(${print(first)})${absentLabels(first)})`;
  }
  const text = `${storageName}(${call.args.map(print).join(', ')})`;
  return storageKeepsName ? `label_del(${text}, "__name__")` : text;
}

/** The labels that `absent` gives: those that the selector fixes to one value (Prometheus's createLabelsForAbsentFunction). */
function absentLabels({ matchers }: VectorSelector): string {
  return matchers
    .filter(({ name, op, value }) => op === '=' && value !== '' && name !== '__name__')
    .filter(({ name }) => matchers.filter((other) => other.name === name).length === 1)
    .map(({ name, value }) => `, ${quote(name)}, ${quote(value)}`)
    .join('');
}

function printAggregation(expr: Aggregation, hiddenLabel: string): string {
  const { op, without, grouping } = expr;
  const labels = printLabels(without ? [...grouping, hiddenLabel] : grouping);
  const param = expr.param ? `${toStorageText(expr.param, hiddenLabel)}, ` : '';
  const group = without ? ` without ${labels}` : grouping.length === 0 ? '' : ` by ${labels}`;
  return `${op}(${param}${toStorageText(expr.expr, hiddenLabel)})${group}`;
}

function printBinary(expr: Binary, hiddenLabel: string): string {
  const { op, lhs, rhs, bool } = expr;
  const vectors = typeOf(lhs) !== 'scalar' && typeOf(rhs) !== 'scalar';
  const operator = `${op}${bool ? ' bool' : ''}${vectors ? printMatching(expr, hiddenLabel) : ''}`;
  return `(${toStorageText(lhs, hiddenLabel)} ${operator} ${toStorageText(rhs, hiddenLabel)})`;
}

function printMatching({ matching }: Binary, hiddenLabel: string): string {
  const labels = matching?.labels ?? [];
  const clause = matching?.on
    ? ` on ${printLabels(labels)}`
    : ` ignoring ${printLabels([...labels, hiddenLabel])}`;
  if (matching?.card !== 'many-to-one' && matching?.card !== 'one-to-many') return clause;
  const side = matching.card === 'many-to-one' ? 'left' : 'right';
  return `${clause} group_${side} ${printLabels(matching.include)}`;
}
