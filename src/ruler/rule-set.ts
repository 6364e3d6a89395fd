import { basename } from 'node:path';
import { fingerprint, type AlertElement } from '../alerts/index.ts';
import type { Rule, RuleGroup } from '../rules/index.ts';
import { phaseMs, type Rhythm } from './schedule.ts';

export interface KeyedRule {
  /** Stays the same when the expression, the duration or the annotations change, and its alerts with it. */
  key: string;
  rule: Rule;
}

/** Alerts that are not asked of storage; rejects where they cannot be had. */
export type InnerSource = (tenantId: string, atMs: number) => Promise<readonly AlertElement[]>;

/** One group as it is evaluated: the unit of leases, slots and transactions. */
export interface RuleSet {
  tenantId: string;
  key: string;
  /** Where the group stands; `api` for rules made there. */
  file: string;
  name: string;
  rhythm: Rhythm;
  queryOffsetMs: number;
  /** The rules know nothing of each other and are evaluated at once; else one after the other, as in Prometheus. */
  isIndependent: boolean;
  rules: readonly KeyedRule[];
  /** In the place of the rules' expressions. */
  inner?: InnerSource;
}

export interface SetDefaults {
  intervalMs: number;
  queryOffsetMs: number;
}

export function toRuleSet(tenantId: string, group: RuleGroup, defaults: SetDefaults): RuleSet {
  const file = basename(group.file);
  const key = `${file};${group.name}`;
  const intervalMs = group.intervalMs ?? defaults.intervalMs;
  return {
    ...{ tenantId, key, file, name: group.name },
    rhythm: { intervalMs, phaseMs: phaseMs(tenantId, key, intervalMs) },
    queryOffsetMs: group.queryOffsetMs ?? defaults.queryOffsetMs,
    isIndependent: group.rules.every((rule) => rule.kind === 'alert' && rule.id !== undefined),
    rules: keyed(file, group),
  };
}

/** Prometheus knows a rule by its name and labels, and by its place among equals (rules/group.go CopyState). */
function keyed(file: string, { name, rules }: RuleGroup): KeyedRule[] {
  const seen = new Map<string, number>();
  return rules.map((rule) => {
    if (rule.kind === 'alert' && rule.id !== undefined) return { key: rule.id, rule };
    const labels = [...rule.labels].map(([label, text]): [string, string] => [
      `label ${label}`,
      typeof text === 'string' ? text : text.text,
    ]);
    const identity = new Map([
      ['file', file],
      ['group', name],
      ['kind', rule.kind],
      ['name', rule.name],
      ...labels,
    ]);
    const hash = fingerprint(identity);
    const ordinal = seen.get(hash) ?? 0;
    seen.set(hash, ordinal + 1);
    return { key: ordinal === 0 ? `f-${hash}` : `f-${hash}-${ordinal}`, rule };
  });
}

/** What is left of a group that is in no file any more: nothing to evaluate. */
export function retiredSet(lease: { tenantId: string; groupKey: string }): RuleSet {
  const { tenantId, groupKey } = lease;
  const [file = '', name = ''] = groupKey.split(';');
  const rhythm = { intervalMs: 1, phaseMs: 0 };
  return {
    tenantId,
    key: groupKey,
    file,
    name,
    rhythm,
    queryOffsetMs: 0,
    isIndependent: true,
    rules: [],
  };
}
