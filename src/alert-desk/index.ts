/**
 * takes: what people and programs ask about rules, alerts and silences, and what they say about them.
 * gives: rules made by API, incidents, silences, received alerts; why an alert is as it is; a rule over history.
 * never: decides about states or messages by itself, changes a rule of a file, knows SQL or HTTP.
 * see:   docs/adr/0006-alert-state-and-leases-in-postgres.md
 */
export {
  createAlertmanager,
  type AlertChoice,
  type Alertmanager,
  type ManagedAlert,
} from './alertmanager.ts';
export { createAsk } from './ask.ts';
export {
  createExplain,
  spell,
  type Explain,
  type ExplainedAlert,
  type Explanation,
} from './explain.ts';
export { createIncidents, type AcknowledgeResult, type Incidents } from './incidents.ts';
export type {
  EvaluationStore,
  FileGroup,
  FileRules,
  GroupStatus,
  IncidentDelivery,
  IncidentEvent,
  IncidentFilter,
  IncidentState,
  IncidentStore,
  ReceivedAlert,
  ReceivedAlertStore,
  RuleHealth,
  RuleStore,
  SilenceStore,
  StoredAlert,
  StoredDecision,
  StoredIncident,
  StoredRule,
} from './ports.ts';
export { previewRule, type Preview, type PreviewDeps } from './preview.ts';
export { alertsView, ruleGroupsView } from './prometheus-rules.ts';
export { createRuleBook, type RuleBook, type RuleEntry, type RuleRefusal } from './rule-book.ts';
export { createSilences, requireMatchers, type Silences, type SilenceState } from './silences.ts';
