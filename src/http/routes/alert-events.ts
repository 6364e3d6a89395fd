import { z } from 'zod';
import type { AcknowledgeResult, Incidents } from '../../alert-desk/index.ts';
import { parseMatchers } from '../../alerts/index.ts';
import { GaugewayError, type Clock } from '../../platform/index.ts';
import { actorOf, bodyOf, found, pageSchema, paramOf, principalOf, queryOf } from '../parse.ts';
import { cachedRead, type ReadCache } from '../read-cache.ts';
import type { Call, Route } from '../route.ts';
import {
  acknowledgedAnswer,
  eventDetailAnswer,
  eventsAnswer,
  manyAcknowledgedAnswer,
  withdrawnAnswer,
} from '../schemas/alerts.ts';
import { toDeliveryJson, toEventJson, toTimelineJson } from './alert-event-json.ts';

interface Deps {
  incidents: Incidents;
  clock: Clock;
  cache: ReadCache;
}

const time = z.iso.datetime({ offset: true });
const text = z.string().max(500);
const texts = z.union([text.transform((one) => [one]), z.array(text).max(20)]);

const listQuery = pageSchema.extend({
  state: z.enum(['firing', 'acknowledged', 'resolved']).optional(),
  host_id: text.optional(),
  severity: text.optional(),
  rule_id: text.optional(),
  since: time.optional(),
  /** `severity="critical"`, repeated. */
  match: texts.optional(),
});

/** `user` is what the PRP has there; who acknowledges is who asks. */
const acknowledgement = z.strictObject({
  user: z.string().max(320).optional(),
  comment: z.string().max(2_000).default(''),
  expires_at: time.nullish(),
});

const bulk = acknowledgement.extend({
  ids: z.array(z.string().max(64)).max(500).optional(),
  match: texts.optional(),
});

const reader = { method: 'GET', needs: 'read', errors: 'envelope' } as const;
const operator = { needs: 'operate', errors: 'envelope' } as const;
const all = '/api/v1/alerts/events';
const one = `${all}/:id`;

/** Episodes of alerts (PRP §8.5), and what people say about them. */
export function alertEventRoutes(deps: Deps): Route[] {
  return [...readRoutes(deps), ...acknowledgeRoutes(deps)];
}

function readRoutes({ incidents, cache }: Deps): Route[] {
  return [
    {
      ...{ ...reader, path: all, summary: 'Alert events, newest first' },
      spec: { tag: 'Alerts', query: listQuery, answers: { 200: eventsAnswer } },
      handle: cachedRead(cache, async (call) => {
        const { limit, offset, ...query } = queryOf(call.req, listQuery);
        const wanted = {
          ...{ state: query.state, hostId: query.host_id, severity: query.severity },
          ...{ ruleKey: query.rule_id, matchers: (query.match ?? []).flatMap(parseMatchers) },
          sinceMs: query.since === undefined ? undefined : Date.parse(query.since),
        };
        const { tenantId } = principalOf(call);
        const { items, total } = await incidents.list(tenantId, wanted, { limit, offset });
        const alerts = items.map((item) => toEventJson(item, incidents.stateOf(item)));
        return { alerts, total, limit, offset };
      }),
    },
    {
      ...{ ...reader, path: one, summary: 'One alert event with its timeline and messages' },
      spec: { tag: 'Alerts', answers: { 200: eventDetailAnswer } },
      async handle(call) {
        const { tenantId, id } = targetOf(call);
        const incident = await found('alert event', incidents.get(tenantId, id));
        const [timeline, deliveries] = await Promise.all([
          incidents.timeline(tenantId, id),
          incidents.deliveries(tenantId, id),
        ]);
        call.res.json({
          ...toEventJson(incident, incidents.stateOf(incident)),
          timeline: timeline.map(toTimelineJson),
          deliveries: deliveries.map(toDeliveryJson),
        });
      },
    },
  ];
}

function acknowledgeRoutes({ incidents }: Deps): Route[] {
  return [
    {
      ...{ ...operator, method: 'POST', path: `${one}/acknowledge` },
      summary: 'Take an alert over: no repeats, the resolved message still comes',
      spec: { tag: 'Alerts', body: acknowledgement, answers: { 200: acknowledgedAnswer } },
      async handle(call) {
        const { tenantId, id } = targetOf(call);
        const body = bodyOf(call.req, acknowledgement);
        const [result] = await incidents.acknowledge(tenantId, [id], wordsOf(body), actorOf(call));
        if (result?.outcome === 'refused') throw refusal(result.reason);
        const incident = await found('alert event', incidents.get(tenantId, id));
        const json = toEventJson(incident, incidents.stateOf(incident));
        call.res.json({
          status: 'acknowledged',
          ...{ id, acknowledged_by: json.acknowledged_by, acknowledged_at: json.acknowledged_at },
          expires_at: json.acknowledged_until,
        });
      },
    },
    {
      ...{ ...operator, method: 'DELETE', path: `${one}/acknowledge` },
      summary: 'Give an acknowledged alert back',
      spec: { tag: 'Alerts', answers: { 200: withdrawnAnswer } },
      async handle(call) {
        const { tenantId, id } = targetOf(call);
        const outcome = await incidents.withdraw(tenantId, id, actorOf(call));
        if (outcome === undefined) throw refusal('unknown');
        call.res.json({ status: outcome ? 'unacknowledged' : 'unchanged', id });
      },
    },
    {
      ...{ ...operator, method: 'POST', path: `${all}/acknowledge` },
      summary: 'Take several alerts over, by id or by matchers',
      spec: { tag: 'Alerts', body: bulk, answers: { 200: manyAcknowledgedAnswer } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const body = bodyOf(call.req, bulk);
        const ids = await chosen(incidents, tenantId, body);
        const results = await incidents.acknowledge(tenantId, ids, wordsOf(body), actorOf(call));
        const done = results.filter(({ outcome }) => outcome !== 'refused').length;
        call.res.json({ status: 'acknowledged', acknowledged: done, results: results.map(toJson) });
      },
    },
  ];
}

/** Most alerts that one request takes over. */
const mostAtOnce = 500;

async function chosen(
  incidents: Incidents,
  tenantId: string,
  { ids, match }: z.output<typeof bulk>,
): Promise<string[]> {
  if ((ids === undefined) === (match === undefined)) {
    throw new GaugewayError('BAD_REQUEST', 'expected ids or match, one of them');
  }
  if (ids !== undefined) return [...new Set(ids)];
  const matchers = (match ?? []).flatMap(parseMatchers);
  if (matchers.length === 0) throw new GaugewayError('BAD_REQUEST', 'match: expected a matcher');
  const page = { limit: mostAtOnce, offset: 0 };
  const { items, total } = await incidents.list(tenantId, { state: 'firing', matchers }, page);
  if (total > mostAtOnce) {
    throw new GaugewayError('BAD_REQUEST', `${String(total)} alerts match, at most 500 at once`);
  }
  return items.map(({ id }) => id);
}

const wordsOf = (body: z.output<typeof acknowledgement>) => ({
  comment: body.comment,
  untilMs: body.expires_at == null ? undefined : Date.parse(body.expires_at),
});

function toJson(result: AcknowledgeResult) {
  if (result.outcome !== 'refused') return { id: result.id, status: result.outcome };
  return { id: result.id, status: 'refused', reason: result.reason };
}

function refusal(reason: 'unknown' | 'not-firing'): GaugewayError {
  if (reason === 'unknown') return new GaugewayError('NOT_FOUND', 'There is no such alert event');
  return new GaugewayError('CONFLICT', 'The alert is resolved: there is nothing to acknowledge', {
    details: { reason },
  });
}

function targetOf(call: Call): { tenantId: string; id: string } {
  return { tenantId: principalOf(call).tenantId, id: paramOf(call.req, 'id') };
}
