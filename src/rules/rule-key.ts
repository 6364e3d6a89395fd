import { basename } from 'node:path';
import { fingerprint } from '../alerts/index.ts';
import type { Rule, RuleGroup } from './rule.ts';

export interface KeyedRule {
  /** Stays the same when the expression, the duration or the annotations change, and its alerts with it. */
  key: string;
  rule: Rule;
}

/** Of a group's lease and its alerts. */
export const groupKeyOf = ({ file, name }: Pick<RuleGroup, 'file' | 'name'>): string =>
  `${basename(file)};${name}`;

/**
 * The rules of a group with their keys: their own id, or what Prometheus knows a rule by: its name and labels, and its
 * place among equals (rules/group.go CopyState).
 */
export function keyedRules({ file, name, rules }: RuleGroup): KeyedRule[] {
  const seen = new Map<string, number>();
  return rules.map((rule) => {
    if (rule.kind === 'alert' && rule.id !== undefined) return { key: rule.id, rule };
    const labels = [...rule.labels].map(([label, text]): [string, string] => [
      `label ${label}`,
      typeof text === 'string' ? text : text.text,
    ]);
    const identity: [string, string][] = [
      ['file', basename(file)],
      ['group', name],
      ['kind', rule.kind],
      ['name', rule.name],
    ];
    const hash = fingerprint(new Map([...identity, ...labels]));
    const ordinal = seen.get(hash) ?? 0;
    seen.set(hash, ordinal + 1);
    return { key: ordinal === 0 ? `f-${hash}` : `f-${hash}-${ordinal}`, rule };
  });
}
