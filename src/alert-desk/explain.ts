import {
  compileMatchers,
  compileSilences,
  isAcknowledged,
  type SilenceMatcher,
} from '../alerts/index.ts';
import type { Clock } from '../platform/index.ts';
import type { AlertingRule } from '../rules/index.ts';
import type { Ask, Asked } from './ask.ts';
import { comparisonsOf, type Comparison } from './comparisons.ts';
import type {
  EvaluationStore,
  GroupStatus,
  IncidentStore,
  SilenceStore,
  StoredAlert,
  StoredEvaluation,
  StoredIncident,
  Texts,
} from './ports.ts';
import type { RuleEntry } from './rule-book.ts';

/** Why a rule or an alert is as it is. The words are public. */
export type ExplainReason =
  | 'disabled'
  | 'invalid'
  | 'never-evaluated'
  | 'not-evaluated-lately'
  | 'evaluation-error'
  | 'query-error'
  | 'no-series'
  | 'below-threshold'
  | 'no-rows'
  | 'pending'
  | 'firing';

/** Why people were told, or not, of an alert that fires. */
export type TellReason = 'told' | 'acknowledged' | 'silenced' | 'cooldown' | 'no-channel' | 'next';

/** One side of a comparison, asked anew. */
export interface ExplainedComparison {
  expression: string;
  operator: string;
  threshold: number;
  /** Series on the left side that the labels choose. */
  series: number;
  error?: string;
  /** The first of them, those nearest to the threshold first. */
  values: readonly { labels: Texts; value: number; holds: boolean }[];
}

export interface ExplainedAlert {
  alert: StoredAlert;
  /** How long it has held of how long it must, milliseconds. */
  heldMs: number;
  neededMs: number;
  incident: StoredIncident | undefined;
  telling: TellReason | undefined;
  silencedBy: readonly string[];
}

export interface Explanation {
  atMs: number;
  /** Most telling first. */
  reasons: readonly { reason: ExplainReason; text: string }[];
  group: GroupStatus | undefined;
  rows: number | undefined;
  comparisons: readonly ExplainedComparison[];
  alerts: readonly ExplainedAlert[];
  /** Newest first; decisions only of alerts that the labels choose. */
  evaluations: readonly StoredEvaluation[];
}

export type Explain = (
  tenantId: string,
  entry: RuleEntry,
  question: { matchers: readonly SilenceMatcher[]; atMs: number | undefined },
) => Promise<Explanation>;

interface Deps {
  ask: Ask;
  evaluations: EvaluationStore;
  incidents: IncidentStore;
  silences: SilenceStore;
  clock: Clock;
}

const mostComparisons = 4;
const mostValues = 50;
const mostAlerts = 200;
/** Slots that may pass before a group counts as not evaluated. */
const lateSlots = 3;

/** Looks at what is remembered of a rule, and asks its expression and its parts anew. */
export function createExplain(deps: Deps): Explain {
  return async (tenantId, entry, { matchers, atMs: asked }) => {
    const nowMs = deps.clock.nowMs();
    const atMs = asked ?? nowMs;
    const chosen = chooser(compileMatchers(matchers), entry.rule);
    const [groups, alerts, evaluations] = await Promise.all([
      deps.evaluations.groups(tenantId),
      deps.evaluations.alerts(tenantId, entry.id),
      deps.evaluations.evaluations(tenantId, entry.id, atMs),
    ]);
    const group = groupOf(groups, entry);
    const question = { tenantId, rule: entry.rule, atMs, chosen };
    const { rows, comparisons } = await askAnew(deps.ask, question);
    const found = alerts.filter(({ labels }) => chosen(labels)).slice(0, mostAlerts);
    const explained = await tellings(deps, { tenantId, entry, alerts: found, nowMs });
    const seen = { entry, group, rows, comparisons, alerts: explained, evaluations, nowMs };
    return {
      ...{ atMs, group, comparisons, alerts: explained },
      rows: rows?.ok ? rows.rows.length : undefined,
      reasons: reasonsOf(seen),
      evaluations: evaluations.map((evaluation) => ({
        ...evaluation,
        decisions: evaluation.decisions.filter(({ labels }) => chosen(labels)),
      })),
    };
  };
}

type Choose = (labels: Texts) => boolean;

/** A row has not yet the rule's own labels; those that are plain text count for it. */
function chooser(
  matches: (labels: ReadonlyMap<string, string>) => boolean,
  rule: AlertingRule | undefined,
): Choose {
  const own = [...(rule?.labels ?? [])].flatMap(([name, { text, parsed }]): [string, string][] =>
    parsed ? [] : [[name, text]],
  );
  const added: [string, string][] = [...own, ['alertname', rule?.name ?? '']];
  return (labels) => matches(new Map([...Object.entries(labels), ...added]));
}

function groupOf(groups: readonly GroupStatus[], entry: RuleEntry): GroupStatus | undefined {
  const byRule = groups.find(({ health }) => Object.hasOwn(health, entry.id));
  return byRule ?? groups.find(({ key }) => key === entry.group?.key);
}

interface Question {
  tenantId: string;
  rule: AlertingRule | undefined;
  atMs: number;
  chosen: Choose;
}

type Rows = Asked<{ labels: Texts; value: number }> | undefined;

async function askAnew(
  ask: Ask,
  { tenantId, rule, atMs, chosen }: Question,
): Promise<{ rows: Rows; comparisons: ExplainedComparison[] }> {
  if (rule === undefined) return { rows: undefined, comparisons: [] };
  const asked = async (expression: string): Promise<Exclude<Rows, undefined>> => {
    const answer = await ask.at(tenantId, expression, atMs);
    if (!answer.ok) return answer;
    const rows = answer.rows.map(({ labels, value }) => ({
      ...{ labels: Object.fromEntries(labels), value },
    }));
    return { ok: true, rows: rows.filter(({ labels }) => chosen(labels)) };
  };
  const comparisons: ExplainedComparison[] = [];
  for (const comparison of comparisonsOf(rule.expression).slice(0, mostComparisons)) {
    comparisons.push(explained(comparison, await asked(comparison.left)));
  }
  return { rows: await asked(rule.expression), comparisons };
}

function explained(
  { left, operator, threshold, holds }: Comparison,
  answer: Exclude<Rows, undefined>,
): ExplainedComparison {
  const base = { expression: left, operator, threshold };
  if (!answer.ok) return { ...base, series: 0, error: answer.message, values: [] };
  const distance = ({ value }: { value: number }) => Math.abs(value - threshold);
  const values = answer.rows
    .map(({ labels, value }) => ({ labels, value, holds: holds(value) }))
    .sort((a, b) => distance(a) - distance(b));
  return { ...base, series: values.length, values: values.slice(0, mostValues) };
}

interface Telling {
  tenantId: string;
  entry: RuleEntry;
  alerts: readonly StoredAlert[];
  nowMs: number;
}

async function tellings(
  { incidents, silences }: Deps,
  { tenantId, entry, alerts, nowMs }: Telling,
): Promise<ExplainedAlert[]> {
  const [open, known] = await Promise.all([
    incidents.list(tenantId, { ruleKey: entry.id, nowMs }, { limit: mostAlerts * 2, offset: 0 }),
    silences.list(tenantId, nowMs),
  ]);
  const current = open.items.filter(({ episode }) => episode.closedAtMs === undefined);
  const silencedBy = compileSilences(known);
  const neededMs = entry.rule?.forMs ?? 0;
  return alerts.map((alert) => {
    const incident = current.find(
      ({ fingerprint, groupKey }) =>
        fingerprint === alert.fingerprint && groupKey === alert.groupKey,
    );
    const ids = silencedBy(new Map(Object.entries(alert.labels)), nowMs);
    const telling =
      alert.state === 'firing' ? tellReason(incident, ids, entry.rule, nowMs) : undefined;
    const heldMs = Math.max(0, nowMs - alert.activeAtMs);
    return { ...{ alert, heldMs, neededMs, incident, telling }, silencedBy: ids };
  });
}

function tellReason(
  incident: StoredIncident | undefined,
  silencedBy: readonly string[],
  rule: AlertingRule | undefined,
  nowMs: number,
): TellReason {
  if (incident === undefined) return 'next';
  const { episode, channels } = incident;
  if (isAcknowledged(episode, nowMs)) return 'acknowledged';
  if (silencedBy.length > 0) return 'silenced';
  const { told, lastFiringNoticeMs: lastMs } = episode;
  if (told === 'firing') return channels.length === 0 ? 'no-channel' : 'told';
  const isCooling = lastMs !== undefined && nowMs - lastMs < (rule?.cooldownMs ?? 0);
  return isCooling ? 'cooldown' : 'next';
}

interface Seen {
  entry: RuleEntry;
  group: GroupStatus | undefined;
  rows: Rows;
  comparisons: readonly ExplainedComparison[];
  alerts: readonly ExplainedAlert[];
  evaluations: readonly StoredEvaluation[];
  nowMs: number;
}

type Reason = Explanation['reasons'][number];

function reasonsOf(seen: Seen): Reason[] {
  return [...ofRule(seen), ...ofEvaluation(seen), ...ofAlerts(seen), ...ofValues(seen)];
}

function ofRule({ entry }: Seen): Reason[] {
  if (entry.rule === undefined) {
    return [{ reason: 'invalid', text: entry.problems[0]?.message ?? 'the rule does not parse' }];
  }
  return entry.enabled ? [] : [{ reason: 'disabled', text: 'the rule is switched off' }];
}

function ofEvaluation({ entry, group, evaluations, nowMs }: Seen): Reason[] {
  if (!entry.enabled || entry.rule === undefined) return [];
  const { health } = entry;
  if (group?.lastSlotMs == null || (health === undefined && evaluations.length === 0)) {
    return [{ reason: 'never-evaluated', text: 'no ruler has evaluated the rule yet' }];
  }
  const reasons: Reason[] = [];
  const silentMs = nowMs - group.lastSlotMs;
  if (silentMs > lateSlots * group.intervalMs) {
    const owner = group.isLeased
      ? `${String(group.leaseOwner)} holds its lease`
      : 'no ruler has it';
    const text = `last evaluated ${spell(silentMs)} ago: ${owner}`;
    reasons.push({ reason: 'not-evaluated-lately', text });
  }
  if (health?.health === 'err') {
    reasons.push({ reason: 'evaluation-error', text: health.error ?? 'the evaluation failed' });
  }
  return reasons;
}

function ofAlerts({ alerts }: Seen): Reason[] {
  const reasons: Reason[] = [];
  const firing = alerts.filter(({ alert }) => alert.state === 'firing');
  if (firing.length > 0) {
    reasons.push({ reason: 'firing', text: `${firing.length} alerts fire` });
  }
  const pending = alerts.filter(({ alert }) => alert.state === 'pending');
  const longest = pending.reduce((most, { heldMs }) => Math.max(most, heldMs), 0);
  const [first] = pending;
  if (first) {
    const text = `${pending.length} alerts are pending, the longest ${spell(longest)} of ${spell(first.neededMs)}`;
    reasons.push({ reason: 'pending', text });
  }
  return reasons;
}

function ofValues({ rows, comparisons, entry }: Seen): Reason[] {
  if (rows === undefined || entry.rule === undefined) return [];
  if (!rows.ok) return [{ reason: 'query-error', text: rows.message }];
  if (rows.rows.length > 0) return [];
  if (comparisons.length === 0) {
    return [{ reason: 'no-rows', text: 'the expression has no row' }];
  }
  return comparisons.flatMap((comparison): Reason[] => {
    const { expression, operator, threshold, series, error } = comparison;
    if (error !== undefined) return [{ reason: 'query-error', text: error }];
    if (series === 0) return [{ reason: 'no-series', text: `${expression} matches no series` }];
    const nearest = comparison.values[0]?.value;
    const text = `${series} series of ${expression}, none ${operator} ${threshold}; the nearest is ${String(nearest)}`;
    const isAny = comparison.values.some(({ holds }) => holds);
    return isAny ? [] : [{ reason: 'below-threshold', text }];
  });
}

/** `4m`, `1h 5m`, `30s`: for people. */
export function spell(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).slice(0, 2);
  return shown.length === 0 ? '0s' : shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}
