/**
 * takes: rule sets, leases on their groups, and a way to ask and to write in a tenant's name.
 * gives: states, incidents and the outbox's rows, one transaction a group and slot; `ALERTS` and recorded series.
 * never: stores anything of a group that another ruler has; resolves an alert because a question failed; sends.
 * see:   docs/adr/0006-alert-state-and-leases-in-postgres.md
 */
export { createAsk, type Answer, type Ask } from './ask.ts';
export { inputsOf } from './chains.ts';
export { evaluateGroup, type EvaluateDeps, type GroupState, type RuleOutcome } from './evaluate.ts';
export type { InnerSources } from './inner-sets.ts';
export { createRuler, type Ruler, type RulerConfig } from './ruler.ts';
export type {
  CommitOutcome,
  GroupLease,
  Incident,
  OfferedGroup,
  RulerStore,
  SlotCommit,
  StoredInstance,
} from './ports.ts';
export { toElements } from './elements.ts';
export { toRuleSet, type KeyedRule, type RuleSet } from './rule-set.ts';
export type { ApiRule } from './api-sets.ts';
export { createRuleSets, type RuleSets } from './rule-sets.ts';
