/**
 * takes: what evaluating one rule came to, and what was known of its alerts before.
 * gives: the states after it with the reason of every change, and whether people are told.
 * never: asks, stores or sends anything; resolves an alert because a question failed.
 * see:   docs/adr/0006-alert-state-and-leases-in-postgres.md
 */
export type { AlertElement, AlertTerms, Evaluation } from './evaluation.ts';
export { fingerprint, labelKey, type Labels } from './labels.ts';
export type { AlertNotification, NotificationKind } from './notification.ts';
export { parseMatchers, printMatcher, requireMatcher } from './matcher-text.ts';
export {
  compileMatchers,
  compileSilences,
  type Silence,
  type SilenceMatcher,
  type SilenceTest,
} from './silence.ts';
export {
  bridgeGap,
  resolvedRetentionMs,
  transition,
  type AlertInstance,
  type AlertState,
  type Change,
  type Gap,
  type Instances,
  type Transition,
} from './transition.ts';
export {
  acknowledge,
  decideNotice,
  isAcknowledged,
  withdrawAcknowledgement,
  type Acknowledgement,
  type AcknowledgeOutcome,
  type Episode,
  type NoticeDecision,
  type NoticeStep,
  type NoticeTerms,
  type SilenceReason,
} from './notice.ts';
