import { z } from 'zod';
import {
  previewRule,
  spell,
  type Explain,
  type ExplainedAlert,
  type Explanation,
  type Preview,
  type PreviewDeps,
  type RuleBook,
} from '../../alert-desk/index.ts';
import { parseMatchers } from '../../alerts/index.ts';
import { GaugewayError, type Clock } from '../../platform/index.ts';
import { parseApiRule, parsePromDuration, type AlertingRule } from '../../rules/index.ts';
import { bodyOf, isoTime, isoTimeOrNull, principalOf, queryOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { explanationAnswer, previewAnswer } from '../schemas/alerts.ts';
import { entryOf, invalidRule } from './alert-rules.ts';
import { toEventJson } from './alert-event-json.ts';

interface Deps {
  rules: RuleBook;
  explain: Explain;
  preview: PreviewDeps;
  clock: Clock;
}

const time = z.iso.datetime({ offset: true });
const explainQuery = z.strictObject({
  labels: z.string().max(2_000).optional(),
  at: time.optional(),
});
const duration = z.string().max(30);
const previewBody = z.strictObject({
  rule: z.record(z.string().max(200), z.unknown()).optional(),
  rule_id: z.string().max(200).optional(),
  range: duration.optional(),
  start: time.optional(),
  end: time.optional(),
  step: duration.optional(),
});

const all = '/api/v1/alerts/rules';

/** Why a rule is as it is, and what it would have done. */
export function alertQuestionRoutes({ rules, explain, preview, clock }: Deps): Route[] {
  return [
    {
      ...{ method: 'GET', needs: 'read', errors: 'envelope', path: `${all}/:id/explain` },
      summary: 'Why a rule fires, or why it does not',
      spec: { tag: 'Alert rules', query: explainQuery, answers: { 200: explanationAnswer } },
      async handle(call) {
        const { labels, at } = queryOf(call.req, explainQuery);
        const entry = await entryOf(rules, call);
        const question = {
          matchers: labels === undefined ? [] : parseMatchers(labels),
          atMs: at === undefined ? undefined : Date.parse(at),
        };
        const explanation = await explain(principalOf(call).tenantId, entry, question);
        const { id, name, rule } = entry;
        call.res.json({ id, name, promql: rule?.expression ?? null, ...toJson(explanation) });
      },
    },
    {
      ...{ method: 'POST', needs: 'read', errors: 'envelope', path: `${all}/preview` },
      summary: 'A rule over stored history: episodes and messages it would have sent',
      spec: { tag: 'Alert rules', body: previewBody, answers: { 200: previewAnswer } },
      async handle(call) {
        const body = bodyOf(call.req, previewBody);
        const rule = await ruleOf(rules, call, body);
        const grid = gridOf(body, clock.nowMs());
        const { tenantId } = principalOf(call);
        call.res.json(toPreviewJson(await previewRule(tenantId, rule, grid, preview)));
      },
    },
  ];
}

type PreviewBody = z.output<typeof previewBody>;

async function ruleOf(rules: RuleBook, call: Call, body: PreviewBody): Promise<AlertingRule> {
  if ((body.rule === undefined) === (body.rule_id === undefined)) {
    throw new GaugewayError('BAD_REQUEST', 'expected rule or rule_id, one of them');
  }
  if (body.rule !== undefined) {
    const parsed = parseApiRule('preview', body.rule);
    if (!parsed.ok) throw invalidRule(parsed.problems);
    return parsed.rule;
  }
  const entry = await rules.get(principalOf(call).tenantId, body.rule_id ?? '');
  if (entry === undefined) throw new GaugewayError('NOT_FOUND', 'There is no such rule');
  if (entry.rule === undefined) throw invalidRule(entry.problems);
  return entry.rule;
}

const defaultRangeMs = 86_400_000;
const defaultStepMs = 30_000;

/** On multiples of the step, so that storage may answer from what it answered before. */
function gridOf({ range, start, end, step }: PreviewBody, nowMs: number) {
  const stepMs = durationOf('step', step) ?? defaultStepMs;
  if (stepMs < 1000) throw new GaugewayError('BAD_REQUEST', 'step: expected a second or more');
  if (range !== undefined && start !== undefined) {
    throw new GaugewayError('BAD_REQUEST', 'expected range or start, not both');
  }
  const untilMs = Math.min(nowMs, end === undefined ? nowMs : Date.parse(end));
  const rangeMs = durationOf('range', range) ?? defaultRangeMs;
  const fromMs = start === undefined ? untilMs - rangeMs : Date.parse(start);
  const startMs = Math.ceil(fromMs / stepMs) * stepMs;
  const endMs = Math.floor(untilMs / stepMs) * stepMs;
  if (endMs < startMs) throw new GaugewayError('BAD_REQUEST', 'the range ends before it starts');
  return { startMs, endMs, stepMs };
}

function durationOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parsePromDuration(text);
  if (ms === undefined || ms === 0) {
    throw new GaugewayError('BAD_REQUEST', `${name}: expected a duration such as 24h`);
  }
  return ms;
}

function toJson(explanation: Explanation) {
  const { atMs, group, rows, comparisons, evaluations } = explanation;
  return {
    at: isoTime(atMs),
    reasons: explanation.reasons,
    group: group
      ? {
          ...{ key: group.key, interval_ms: group.intervalMs, missed: group.missed },
          last_evaluation: isoTimeOrNull(group.lastSlotMs),
          next_evaluation: isoTime(group.nextSlotMs),
          ...{ ruler: group.leaseOwner, is_leased: group.isLeased, duration_ms: group.durationMs },
        }
      : null,
    rows: rows ?? null,
    comparisons,
    alerts: explanation.alerts.map(toAlertJson),
    evaluations: evaluations.map((evaluation) => ({
      ...{ at: isoTime(evaluation.atMs), duration_ms: evaluation.durationMs },
      ...{ error: evaluation.error, is_partial: evaluation.isPartial, rows: evaluation.rows },
      decisions: evaluation.decisions,
    })),
  };
}

function toAlertJson({ alert, heldMs, neededMs, incident, telling, silencedBy }: ExplainedAlert) {
  const { state } = alert;
  return {
    ...{ labels: alert.labels, state, value: alert.value, active_at: isoTime(alert.activeAtMs) },
    ...{ held_ms: heldMs, needed_ms: neededMs },
    text: state === 'pending' ? `pending ${spell(heldMs)} of ${spell(neededMs)}` : 'firing',
    ...{ notification: telling ?? null, silenced_by: silencedBy },
    event: incident
      ? toEventJson(incident, incident.episode.acknowledgement ? 'acknowledged' : 'firing')
      : null,
  };
}

function toPreviewJson(preview: Preview) {
  const { grid, failures } = preview;
  return {
    ...{ start: isoTime(grid.startMs), end: isoTime(grid.endMs), step_ms: grid.stepMs },
    evaluations: preview.evaluations,
    failures: { count: failures.count, message: failures.message ?? null },
    notifications: preview.notifications,
    ...{ pending_ms: preview.pendingMs, firing_ms: preview.firingMs },
    noisiest_hosts: preview.noisiest.map(({ host, fired, notifications, firingMs }) => ({
      ...{ host_id: host, fired, notifications, firing_ms: firingMs },
    })),
    ...{ total: preview.episodeCount, fired: preview.firedCount },
    episodes: preview.episodes.map((episode) => ({
      labels: Object.fromEntries(episode.labels),
      pending_at: isoTime(episode.pendingAtMs),
      fired_at: isoTimeOrNull(episode.firedAtMs ?? null),
      ended_at: isoTimeOrNull(episode.endedAtMs ?? null),
      value: episode.value,
      notifications: episode.notifications.map(({ atMs, kind }) => ({ at: isoTime(atMs), kind })),
    })),
  };
}
