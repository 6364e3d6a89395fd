import { basename } from 'node:path';
import type { AlertElement } from '../alerts/index.ts';
import { groupKeyOf, keyedRules, type KeyedRule, type RuleGroup } from '../rules/index.ts';
import { phaseMs, type Rhythm } from './schedule.ts';

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
  const key = groupKeyOf(group);
  const intervalMs = group.intervalMs ?? defaults.intervalMs;
  return {
    ...{ tenantId, key, file, name: group.name },
    rhythm: { intervalMs, phaseMs: phaseMs(tenantId, key, intervalMs) },
    queryOffsetMs: group.queryOffsetMs ?? defaults.queryOffsetMs,
    isIndependent: group.rules.every((rule) => rule.kind === 'alert' && rule.id !== undefined),
    rules: keyedRules(group),
  };
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
