import { z } from 'zod';
import { can } from '../../access/index.ts';
import { maskChannel, type DeliveryRow, type DeliveryTrail } from '../../notify/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import {
  actorOf,
  isoTime,
  isoTimeOrNull,
  pageSchema,
  paramOf,
  principalOf,
  queryOf,
} from '../parse.ts';
import type { Route } from '../route.ts';
import { deliveriesAnswer, resentAnswer } from '../schemas/alerts.ts';

const wanted = pageSchema.extend({
  incident_id: z.uuid().optional(),
  status: z.enum(['queued', 'sending', 'sent', 'dead', 'dropped']).optional(),
  channel: z
    .string()
    .max(2_100)
    .regex(/^[^\0]*$/)
    .optional(),
});

const row = { errors: 'envelope' } as const;

/** The trail of what people were told: each message about an alert, why it was not sent, each attempt. */
export function deliveryRoutes({ trail }: { trail: DeliveryTrail }): Route[] {
  return [
    {
      ...{ ...row, method: 'GET', path: '/api/v1/deliveries', needs: 'read' },
      summary: 'Messages about alerts, newest first',
      spec: { tag: 'Notifications', query: wanted, answers: { 200: deliveriesAnswer } },
      async handle(call) {
        const principal = principalOf(call);
        const { limit, offset, ...filter } = queryOf(call.req, wanted);
        const { items, total } = await trail.list(
          principal.tenantId,
          { incidentId: filter.incident_id, status: filter.status, channel: filter.channel },
          { limit, offset },
        );
        const isAdmin = can(principal, 'admin');
        const deliveries = items.map((item) => toJson(item, isAdmin));
        call.res.json({ deliveries, total, limit, offset });
      },
    },
    {
      ...{ ...row, method: 'POST', path: '/api/v1/deliveries/:id/resend', needs: 'operate' },
      summary: 'Send a message again that was given up',
      spec: { tag: 'Notifications', answers: { 202: resentAnswer } },
      async handle(call) {
        const id = paramOf(call.req, 'id');
        const { tenantId } = principalOf(call);
        const outcome = /^\d{1,18}$/.test(id)
          ? await trail.resend(tenantId, id, actorOf(call))
          : undefined;
        if (outcome === undefined) {
          throw new GaugewayError('NOT_FOUND', 'There is no such delivery');
        }
        if (outcome === 'not-dead') {
          throw new GaugewayError('CONFLICT', 'Only a message that was given up is sent again');
        }
        call.res.status(202).json({ id, status: outcome });
      },
    },
  ];
}

function toJson(delivery: DeliveryRow, isAdmin: boolean) {
  return {
    ...{ id: delivery.id, incident_id: delivery.incidentId, rule: delivery.ruleName },
    channel: isAdmin ? delivery.channel : maskChannel(delivery.channel),
    ...{ kind: delivery.kind, seq: delivery.seq, status: delivery.status },
    ...{ reason: delivery.reason, attempts: delivery.attempts, message_id: delivery.messageId },
    created_at: isoTime(delivery.createdAtMs),
    next_at: delivery.status === 'queued' ? isoTime(delivery.nextAtMs) : null,
    finished_at: isoTimeOrNull(delivery.finishedAtMs),
    trail: delivery.trail.map(({ attempt, startedAtMs, durationMs, alerts, ...result }) => ({
      ...{ attempt, at: isoTime(startedAtMs), duration_ms: Math.round(durationMs), alerts },
      ...{ outcome: result.outcome, status: result.status ?? null, answer: result.answer ?? null },
    })),
  };
}
