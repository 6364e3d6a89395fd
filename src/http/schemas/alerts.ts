import { z } from 'zod';
import { listAnswer, maybeText, maybeTime, textMap, timeAnswer } from './common.ts';

const duration = z.string().describe('As in PromQL: `10m`.');
const problems = z.array(
  z
    .strictObject({ field: z.string(), message: z.string(), excerpt: z.string().optional() })
    .loose(),
);

/** PRP §8.5, with what it implies. */
export const ruleAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  expression: z.unknown().describe("The product's own expression, or PromQL."),
  duration: z.unknown(),
  scope: z.unknown(),
  channels: z.array(z.string()),
  enabled: z.boolean(),
  source: z.enum(['file', 'api']),
  file: maybeText,
  group: maybeText,
  promql: z.string().optional(),
  severity: maybeText.optional(),
  labels: textMap.optional(),
  annotations: textMap.optional(),
  keep_firing_for: duration.optional(),
  resolve_after: z.int().optional(),
  cooldown: duration.optional(),
  on_no_data: z.string().optional(),
  state: z.enum(['firing', 'pending', 'inactive', 'unknown', 'disabled']),
  alerts: z.strictObject({ pending: z.int(), firing: z.int() }),
  health: z.string(),
  last_error: maybeText,
  last_evaluation: maybeTime,
  evaluation_ms: z.number().nullable(),
  problems,
  version: z.int().optional(),
  created_by: z.string().optional(),
  created_at: timeAnswer.optional(),
  updated_by: z.string().optional(),
  updated_at: timeAnswer.optional(),
});
export const rulesAnswer = listAnswer('rules', ruleAnswer);
export const createdRuleAnswer = z.strictObject({
  id: z.string(),
  status: z.literal('created'),
  version: z.int(),
});
export const ruleProblemsAnswer = z.strictObject({
  problems: z.array(
    z.strictObject({
      file: z.string(),
      line: z.int(),
      column: z.int(),
      message: z.string(),
      excerpt: z.string(),
    }),
  ),
  total: z.int(),
});

const deliveryOfEvent = z.strictObject({
  id: z.string(),
  channel: z.string(),
  kind: z.string(),
  status: z.string(),
  reason: maybeText,
  attempts: z.int(),
  created_at: timeAnswer,
  finished_at: maybeTime,
});

export const eventAnswer = z.strictObject({
  id: z.string(),
  rule_id: z.string(),
  rule_name: z.string(),
  host_id: maybeText,
  state: z.enum(['firing', 'acknowledged', 'resolved']),
  started_at: timeAnswer,
  ended_at: maybeTime,
  acknowledged_by: maybeText,
  acknowledged_at: maybeTime,
  acknowledged_until: maybeTime,
  comment: maybeText,
  severity: maybeText,
  fingerprint: z.string(),
  value: z.number().nullable(),
  labels: textMap,
  annotations: textMap,
  flaps: z.int(),
  told: z.string(),
  last_notified_at: maybeTime,
  generator_url: maybeText.optional(),
});
export const eventsAnswer = listAnswer('alerts', eventAnswer);
export const eventDetailAnswer = eventAnswer.extend({
  timeline: z.array(
    z.strictObject({ at: timeAnswer, kind: z.string(), actor: maybeText, detail: z.unknown() }),
  ),
  deliveries: z.array(deliveryOfEvent),
});
export const acknowledgedAnswer = z.strictObject({
  status: z.literal('acknowledged'),
  id: z.string(),
  acknowledged_by: maybeText,
  acknowledged_at: maybeTime,
  expires_at: maybeTime,
});
export const withdrawnAnswer = z.strictObject({
  status: z.enum(['unacknowledged', 'unchanged']),
  id: z.string(),
});
export const manyAcknowledgedAnswer = z.strictObject({
  status: z.literal('acknowledged'),
  acknowledged: z.int(),
  results: z.array(
    z.strictObject({ id: z.string(), status: z.string(), reason: z.string().optional() }),
  ),
});

/** Facts for people: what is in them grows with the rules' language. */
export const explanationAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  promql: maybeText,
  at: timeAnswer,
  reasons: z.array(z.strictObject({ reason: z.string(), text: z.string() })),
  group: z.looseObject({ key: z.string(), interval_ms: z.number() }).nullable(),
  rows: z.int().nullable(),
  comparisons: z.array(z.looseObject({})),
  alerts: z.array(z.looseObject({ labels: textMap, state: z.string() })),
  evaluations: z.array(z.looseObject({ at: timeAnswer })),
});

export const previewAnswer = z.strictObject({
  start: timeAnswer,
  end: timeAnswer,
  step_ms: z.int(),
  evaluations: z.int(),
  failures: z.strictObject({ count: z.int(), message: maybeText }),
  notifications: z.looseObject({}),
  pending_ms: z.number(),
  firing_ms: z.number(),
  noisiest_hosts: z.array(
    z.strictObject({
      host_id: z.string(),
      fired: z.int(),
      notifications: z.int(),
      firing_ms: z.number(),
    }),
  ),
  total: z.int(),
  fired: z.int(),
  episodes: z.array(
    z.strictObject({
      labels: textMap,
      pending_at: timeAnswer,
      fired_at: maybeTime,
      ended_at: maybeTime,
      value: z.number().nullable(),
      notifications: z.array(z.strictObject({ at: timeAnswer, kind: z.string() })),
    }),
  ),
});

export const silenceAnswer = z.strictObject({
  id: z.string(),
  kind: z.enum(['silence', 'maintenance']),
  state: z.enum(['active', 'pending', 'expired']),
  matchers: z.array(
    z.strictObject({
      name: z.string(),
      value: z.string(),
      isRegex: z.boolean(),
      isEqual: z.boolean(),
    }),
  ),
  starts_at: timeAnswer,
  ends_at: timeAnswer,
  created_by: z.string(),
  comment: z.string(),
  updated_at: timeAnswer,
});
export const silencesAnswer = listAnswer('silences', silenceAnswer);
export const heldAlertsAnswer = z.strictObject({ alerts: z.array(eventAnswer), total: z.int() });

export const channelAnswer = z.strictObject({
  name: z.string(),
  kind: z.string(),
  target: z.string().describe('In full for administrators only.'),
  is_default: z.boolean(),
  has_secret: z.boolean(),
  has_bearer_token: z.boolean(),
  created_at: timeAnswer,
  updated_at: timeAnswer,
});
export const channelsAnswer = listAnswer('channels', channelAnswer);
export const trialAnswer = z.looseObject({ duration_ms: z.int() });

export const deliveriesAnswer = listAnswer(
  'deliveries',
  z.strictObject({
    id: z.string(),
    incident_id: maybeText,
    rule: z.string(),
    channel: z.string(),
    kind: z.string(),
    seq: z.int(),
    status: z.enum(['queued', 'sending', 'sent', 'dead', 'dropped']),
    reason: maybeText,
    attempts: z.int(),
    message_id: maybeText,
    created_at: timeAnswer,
    next_at: maybeTime,
    finished_at: maybeTime,
    trail: z.array(
      z.strictObject({
        attempt: z.int(),
        at: timeAnswer,
        duration_ms: z.int(),
        alerts: z.int(),
        outcome: z.string(),
        status: z.int().nullable(),
        answer: maybeText,
      }),
    ),
  }),
);
export const resentAnswer = z.strictObject({ id: z.string(), status: z.string() });
