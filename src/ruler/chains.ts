import { parsePromql, walk, type Expr } from '../query/index.ts';
import type { Rule } from '../rules/index.ts';

const alertSeries = ['ALERTS', 'ALERTS_FOR_STATE'];

const outputsOf = (rule: Rule): readonly string[] =>
  rule.kind === 'record' ? [rule.name] : alertSeries;

/** The metric names that an expression reads; `any` where a selector does not fix its name. */
export function inputsOf(expression: string): ReadonlySet<string> | 'any' {
  const names = new Set<string>();
  for (const node of walk(parsePromql(expression))) {
    const name = nameRead(node);
    if (name === undefined) continue;
    if (name === 'any') return 'any';
    names.add(name);
  }
  return names;
}

function nameRead(node: Expr): string | undefined {
  if (node.kind !== 'selector') return undefined;
  if (node.name !== '') return node.name;
  const matcher = node.matchers.find(({ name }) => name === '__name__');
  return matcher?.op === '=' ? matcher.value : 'any';
}

/**
 * For each rule of a group, whether an earlier one writes what it reads: then that has to be visible first (the results
 * of one evaluation are there for the next rule of the same cycle, prometheus/compliance alert_generator).
 */
export function readsEarlier(rules: readonly Rule[]): boolean[] {
  const written = new Set<string>();
  return rules.map((rule) => {
    const inputs = inputsOf(rule.expression);
    const reads =
      inputs === 'any' ? written.size > 0 : [...inputs].some((name) => written.has(name));
    for (const name of outputsOf(rule)) written.add(name);
    return reads;
  });
}
