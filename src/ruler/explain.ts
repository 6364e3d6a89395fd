import type { AlertInstance, Instances } from '../alerts/index.ts';
import type { RuleOutcome } from './evaluate.ts';
import type { Decision, EvaluationRecord } from './ports.ts';

/** Alerts of one evaluation that are remembered with their reason; changes come first. */
const mostDecisions = 50;

export function evaluationRecord(outcome: RuleOutcome): EvaluationRecord {
  const { key, durationMs, error, isPartial, rows } = outcome;
  return { ruleKey: key, durationMs, error, isPartial, rows, decisions: decisionsOf(outcome) };
}

function decisionsOf({ transition, before, after }: RuleOutcome): Decision[] {
  if (!transition) return [];
  const reasons = new Map<string, string>();
  for (const { key, reason } of transition.changes) reasons.set(key, reason);
  for (const { key, reason } of transition.kept) reasons.set(key, reason);
  const decisions: Decision[] = [];
  for (const [key, reason] of reasons) {
    if (decisions.length === mostDecisions) return decisions;
    const instance = after.instances.get(key) ?? before.instances.get(key);
    if (instance) decisions.push(decision(instance, after.instances, reason));
  }
  for (const instance of after.instances.values()) {
    if (decisions.length === mostDecisions) break;
    if (reasons.has(instance.key)) continue;
    decisions.push(decision(instance, after.instances, unchanged[instance.state]));
  }
  return decisions;
}

const unchanged = { pending: 'waiting', firing: 'still-firing', resolved: 'resolved' } as const;

function decision(instance: AlertInstance, after: Instances, reason: string): Decision {
  return {
    labels: Object.fromEntries(instance.labels),
    value: instance.value,
    state: after.get(instance.key)?.state ?? 'resolved',
    reason,
  };
}
