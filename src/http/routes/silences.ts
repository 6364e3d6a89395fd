import { z } from 'zod';
import { requireMatchers, type Incidents, type Silences } from '../../alert-desk/index.ts';
import { compileMatchers, parseMatchers, type Silence } from '../../alerts/index.ts';
import { GaugewayError, type Clock } from '../../platform/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  pageSchema,
  paramOf,
  principalOf,
  queryOf,
} from '../parse.ts';
import type { Route } from '../route.ts';
import { heldAlertsAnswer, silenceAnswer, silencesAnswer } from '../schemas/alerts.ts';
import { statusAnswer } from '../schemas/common.ts';
import { toEventJson } from './alert-event-json.ts';

interface Deps {
  silences: Silences;
  incidents: Incidents;
  clock: Clock;
}

const time = z.iso.datetime({ offset: true });

export const matcherSchema = z.object({
  name: z.string().min(1).max(200),
  value: z.string().max(1_000),
  isRegex: z.boolean().default(false),
  isEqual: z.boolean().default(true),
});

/** As objects, or as text: `severity="critical"`. */
const matchers = z
  .array(z.union([matcherSchema, z.string().max(2_000)]))
  .min(1)
  .max(50);

const newSilence = z.strictObject({
  kind: z.enum(['silence', 'maintenance']).default('silence'),
  matchers,
  starts_at: time.optional(),
  ends_at: time.optional(),
  /** In place of `ends_at`. */
  duration_seconds: z.int().min(1).max(100_000_000).optional(),
  comment: z.string().min(1).max(2_000),
});

const previewed = z.strictObject({ matchers });

const change = z.strictObject({
  matchers: matchers.optional(),
  starts_at: time.optional(),
  ends_at: time.optional(),
  comment: z.string().min(1).max(2_000).optional(),
});

const listQuery = pageSchema.extend({
  state: z.enum(['active', 'pending', 'expired']).optional(),
  kind: z.enum(['silence', 'maintenance']).optional(),
});

const reader = { method: 'GET', needs: 'read', errors: 'envelope' } as const;
const operator = { needs: 'operate', errors: 'envelope' } as const;
const all = '/api/v1/silences';
const one = `${all}/:id`;

/** Silences and maintenance windows; each has an end. */
export function silenceRoutes(deps: Deps): Route[] {
  return [...readRoutes(deps), ...changeRoutes(deps)];
}

function readRoutes({ silences, incidents }: Deps): Route[] {
  return [
    {
      ...{ ...reader, path: all, summary: 'Silences and maintenance windows' },
      spec: { tag: 'Alerts', query: listQuery, answers: { 200: silencesAnswer } },
      async handle(call) {
        const { limit, offset, state, kind } = queryOf(call.req, listQuery);
        const known = await silences.list(principalOf(call).tenantId);
        const chosen = known.filter(
          (silence) =>
            (state === undefined || silences.stateOf(silence) === state) &&
            (kind === undefined || silence.kind === kind),
        );
        const window = chosen.slice(offset, offset + limit);
        const shown = window.map((silence) => toJson(silence, silences));
        call.res.json({ silences: shown, total: chosen.length, limit, offset });
      },
    },
    {
      ...{ ...reader, path: one, summary: 'One silence' },
      spec: { tag: 'Alerts', answers: { 200: silenceAnswer } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const silence = await found('silence', silences.get(tenantId, paramOf(call.req, 'id')));
        call.res.json(toJson(silence, silences));
      },
    },
    {
      ...{ ...reader, method: 'POST', path: `${all}/preview` },
      summary: 'Which open alerts a silence with these matchers would hold back',
      spec: { tag: 'Alerts', body: previewed, answers: { 200: heldAlertsAnswer } },
      async handle(call) {
        const body = bodyOf(call.req, previewed);
        const wanted = toMatchers(body.matchers);
        requireMatchers(wanted);
        const { tenantId } = principalOf(call);
        const page = { limit: 10_000, offset: 0 };
        const { items } = await incidents.list(tenantId, { matchers: [] }, page);
        const matches = compileMatchers(wanted);
        const held = items.filter(
          ({ labels, episode }) =>
            episode.closedAtMs === undefined && matches(new Map(Object.entries(labels))),
        );
        const alerts = held.slice(0, 100).map((item) => toEventJson(item, incidents.stateOf(item)));
        call.res.json({ alerts, total: held.length });
      },
    },
  ];
}

function changeRoutes({ silences, clock }: Deps): Route[] {
  return [
    {
      ...{ ...operator, method: 'POST', path: all },
      summary: 'Hold back messages about matching alerts until an end',
      spec: { tag: 'Alerts', body: newSilence, answers: { 201: silenceAnswer } },
      async handle(call) {
        const body = bodyOf(call.req, newSilence);
        const startsAtMs =
          body.starts_at === undefined ? clock.nowMs() : Date.parse(body.starts_at);
        const { kind, comment } = body;
        const by = actorOf(call);
        const silence = await silences.add(
          by.tenantId,
          {
            ...{ kind, comment, startsAtMs, endsAtMs: endOf(body, startsAtMs) },
            ...{ matchers: toMatchers(body.matchers), createdBy: by.name },
          },
          by,
        );
        call.res.status(201).json(toJson(silence, silences));
      },
    },
    {
      ...{ ...operator, method: 'PATCH', path: one },
      summary: 'Change a silence; with other matchers a new one takes its place',
      spec: { tag: 'Alerts', body: change, answers: { 200: silenceAnswer } },
      async handle(call) {
        const body = bodyOf(call.req, change);
        const by = actorOf(call);
        const id = paramOf(call.req, 'id');
        const before = await found('silence', silences.get(by.tenantId, id));
        const wish = {
          ...{ kind: before.kind, createdBy: by.name, comment: body.comment ?? before.comment },
          matchers: body.matchers ? toMatchers(body.matchers) : before.matchers,
          startsAtMs: body.starts_at ? Date.parse(body.starts_at) : before.startsAtMs,
          endsAtMs: body.ends_at ? Date.parse(body.ends_at) : before.endsAtMs,
        };
        const silence = await found('silence', silences.change(by.tenantId, id, wish, by));
        call.res.json(toJson(silence, silences));
      },
    },
    {
      ...{ ...operator, method: 'DELETE', path: one, summary: 'End a silence now' },
      spec: { tag: 'Alerts', answers: { 200: statusAnswer('expired') } },
      async handle(call) {
        const by = actorOf(call);
        const id = paramOf(call.req, 'id');
        await found('silence', silences.expire(by.tenantId, id, by));
        call.res.json({ status: 'expired' });
      },
    },
  ];
}

function endOf(
  body: Pick<z.output<typeof newSilence>, 'ends_at' | 'duration_seconds'>,
  startsAtMs: number,
): number {
  const { ends_at: end, duration_seconds: seconds } = body;
  if ((end === undefined) === (seconds === undefined)) {
    throw new GaugewayError('BAD_REQUEST', 'expected ends_at or duration_seconds, one of them');
  }
  return end === undefined ? startsAtMs + (seconds ?? 0) * 1000 : Date.parse(end);
}

function toMatchers(posted: z.output<typeof matchers>): Silence['matchers'] {
  return posted.flatMap((one) => (typeof one === 'string' ? parseMatchers(one) : [one]));
}

function toJson(silence: Silence, silences: Silences) {
  return {
    ...{ id: silence.id, kind: silence.kind, state: silences.stateOf(silence) },
    matchers: silence.matchers,
    ...{ starts_at: isoTime(silence.startsAtMs), ends_at: isoTime(silence.endsAtMs) },
    ...{ created_by: silence.createdBy, comment: silence.comment },
    updated_at: isoTime(silence.updatedAtMs),
  };
}
