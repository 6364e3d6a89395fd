/**
 * takes: rule sets, leases on their groups, and a way to ask and to write in a tenant's name.
 * gives: states, incidents and the outbox's rows, one transaction a group and slot; `ALERTS` and recorded series.
 * never: stores anything of a group that another ruler has; resolves an alert because a question failed; sends.
 * see:   docs/adr/0006-alert-state-and-leases-in-postgres.md
 */
export { createAsk, type Answer, type Ask } from './ask.ts';
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
export type { KeyedRule, RuleSet } from './rule-set.ts';
export { createRuleSets, type ApiRule, type RuleSets } from './rule-sets.ts';
