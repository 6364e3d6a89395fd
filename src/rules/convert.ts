import { findByName } from '../catalog/index.ts';
import { formatDuration, parsePromql, type Expr } from '../query/index.ts';
import type { AlertingRule, RuleGroup } from './rule.ts';
import type { Template } from './template/expand.ts';

/** A rule file of the other dialect, and what it cannot say. */
export interface Converted {
  text: string;
  notes: readonly string[];
}

/** A rule in the words of the product's own schema, as the API takes it. */
export type ProductRule = Readonly<Record<string, unknown>>;

const comparison = /^(?:>|<|>=|<=|==|!=)$/;

/** The product's own schema; what is no comparison of a known metric with a number stays PromQL. */
export function toProductRule(rule: AlertingRule): ProductRule {
  const { name, forMs, keepFiringForMs, resolveAfter, cooldownMs, onNoData, channels } = rule;
  const labels = textsOf(rule.labels);
  const { severity, ...others } = labels;
  return {
    name,
    ...conditionOf(rule),
    duration: forMs === 0 ? 'static' : formatDuration(forMs),
    ...(keepFiringForMs === 0 ? {} : { keep_firing_for: formatDuration(keepFiringForMs) }),
    ...(severity === undefined ? {} : { severity }),
    ...(Object.keys(others).length === 0 ? {} : { labels: others }),
    ...(rule.annotations.size === 0 ? {} : { annotations: textsOf(rule.annotations) }),
    resolve_after: String(resolveAfter),
    cooldown: formatDuration(cooldownMs),
    on_no_data: onNoData,
    ...(channels.length === 0 ? {} : { channels }),
  };
}

function conditionOf({ expression, written }: AlertingRule): ProductRule {
  if (written) {
    const scope = written.scope.map(({ label, op, value }) => `${label}${op}${value}`).join(', ');
    return { expression: written.expression, ...(scope === '' ? {} : { scope }) };
  }
  const expr = parsePromql(expression);
  return simpleComparison(expr) ?? { promql: expression };
}

/** `cpu_utilization{role="db"} > 90` is `cpu.utilization > 90` in the scope `role=db`. */
function simpleComparison(expr: Expr): ProductRule | undefined {
  if (expr.kind !== 'binary' || expr.bool || !comparison.test(expr.op)) return undefined;
  const { lhs, rhs, op } = expr;
  if (rhs.kind !== 'number' || rhs.durationMs !== undefined || !isPlainSelector(lhs)) {
    return undefined;
  }
  const metric = findByName(lhs.name);
  // A name that stands for several, as that of the cores, is not turned back.
  if (!metric || metric.apiName.includes('<')) return undefined;
  const scope = lhs.matchers.map((matcher) => matcher.name + matcher.op + matcher.value).join(', ');
  const condition = { expression: `${metric.apiName} ${op} ${rhs.value}` };
  return scope === '' ? condition : { ...condition, scope };
}

type Selector = Extract<Expr, { kind: 'selector' }>;

const isPlainSelector = (expr: Expr): expr is Selector =>
  expr.kind === 'selector' &&
  expr.offsetMs === undefined &&
  expr.at === undefined &&
  expr.matchers.every(({ value }) => /^[\w.:/-]+$/.test(value));

export function toProductFile(groups: readonly RuleGroup[]): Converted {
  const notes: string[] = [];
  const interval = groups.find(({ intervalMs }) => intervalMs !== undefined)?.intervalMs;
  const lines = interval === undefined ? [] : [`interval: ${formatDuration(interval)}`];
  lines.push('rules:');
  const ids = new Map<string, number>();
  for (const group of groups) {
    if (group.limit > 0) notes.push(`${group.name}: limit ${group.limit} is left out`);
    if (group.intervalMs !== undefined && group.intervalMs !== interval) {
      notes.push(`${group.name}: its interval of ${formatDuration(group.intervalMs)} is left out`);
    }
    for (const rule of group.rules) {
      if (rule.kind === 'record')
        notes.push(`${rule.name}: recording rules stay in Prometheus's dialect`);
      else
        lines.push(...item({ id: rule.id ?? idFor(rule.name, ids), ...toProductRule(rule) }, '  '));
    }
  }
  return { text: `${lines.join('\n')}\n`, notes };
}

function idFor(name: string, ids: Map<string, number>): string {
  const base =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'rule';
  const count = (ids.get(base) ?? 0) + 1;
  ids.set(base, count);
  return count === 1 ? base : `${base}-${count}`;
}

/** A Prometheus rule file: scope and dotted names become PromQL, clean evaluations become `keep_firing_for`. */
export function toPrometheusFile(
  groups: readonly RuleGroup[],
  defaultIntervalMs: number,
): Converted {
  const notes: string[] = [];
  const lines = ['groups:'];
  for (const group of groups) {
    const intervalMs = group.intervalMs ?? defaultIntervalMs;
    lines.push(
      `  - name: ${JSON.stringify(group.name)}`,
      `    interval: ${formatDuration(intervalMs)}`,
    );
    if (group.limit > 0) lines.push(`    limit: ${group.limit}`);
    if (group.queryOffsetMs) lines.push(`    query_offset: ${formatDuration(group.queryOffsetMs)}`);
    lines.push('    rules:');
    for (const rule of group.rules) {
      const { fields, left } = prometheusRule(rule, intervalMs);
      lines.push(...item(fields, '      '));
      notes.push(...left.map((what) => `${rule.name}: ${what}`));
    }
  }
  return { text: `${lines.join('\n')}\n`, notes };
}

function prometheusRule(rule: RuleGroup['rules'][number], intervalMs: number) {
  const { name, expression: expr } = rule;
  if (rule.kind === 'record') {
    const labels = Object.fromEntries(rule.labels);
    return { fields: { record: name, expr, labels }, left: [] };
  }
  const holdMs = Math.max(rule.keepFiringForMs, (rule.resolveAfter - 1) * intervalMs);
  const left = [
    ...(rule.enabled ? [] : ['it was switched off']),
    ...(rule.cooldownMs > 0
      ? [`its cooldown of ${formatDuration(rule.cooldownMs)} is Alertmanager's`]
      : []),
    ...(rule.onNoData === 'keep' ? ['a host that goes silent resolves it'] : []),
    ...(rule.channels.length > 0
      ? [`its channels are Alertmanager's: ${rule.channels.length}`]
      : []),
  ];
  const fields = {
    alert: name,
    expr,
    ...(rule.forMs > 0 ? { for: formatDuration(rule.forMs) } : {}),
    ...(holdMs > 0 ? { keep_firing_for: formatDuration(holdMs) } : {}),
    labels: textsOf(rule.labels),
    annotations: textsOf(rule.annotations),
  };
  return { fields, left };
}

const textsOf = (templates: ReadonlyMap<string, Template>): Record<string, string> =>
  Object.fromEntries([...templates].map(([name, { text }]) => [name, text]));

/** A list item of texts, lists of texts and mappings of texts; a JSON string is a YAML string. */
function item(fields: Readonly<Record<string, unknown>>, indent: string): string[] {
  const lines = Object.entries(fields).flatMap(([key, value]) => {
    if (typeof value === 'string') return [`${key}: ${JSON.stringify(value)}`];
    if (Array.isArray(value)) return [`${key}: ${JSON.stringify(value)}`];
    const entries = Object.entries(value as Record<string, string>);
    if (entries.length === 0) return [];
    return [
      `${key}:`,
      ...entries.map(([name, text]) => `  ${JSON.stringify(name)}: ${JSON.stringify(text)}`),
    ];
  });
  return lines.map((line, i) => `${indent}${i === 0 ? '- ' : '  '}${line}`);
}
