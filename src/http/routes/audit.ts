import type { AuditRow, AuditStore } from '../../access/index.ts';
import { isoTime, pageOf, principalOf, pageSchema } from '../parse.ts';
import type { Route } from '../route.ts';
import { auditAnswer } from '../schemas/access.ts';

/** PRP §12.4. */
export function auditRoutes({ audit }: { audit: AuditStore }): Route[] {
  return [
    {
      ...{ method: 'GET', path: '/api/v1/audit', needs: 'admin', errors: 'envelope' },
      summary: 'Who did what in the tenant, newest first',
      spec: { tag: 'Access', query: pageSchema, answers: { 200: auditAnswer } },
      async handle(call) {
        const page = pageOf(call.req);
        const { items, total } = await audit.list(principalOf(call).tenantId, page);
        call.res.json({ entries: items.map(toJson), total, ...page });
      },
    },
  ];
}

function toJson({ id, actor, action, target, atMs, details }: AuditRow) {
  return {
    id,
    timestamp: isoTime(atMs),
    user_id: actor.id,
    actor: { kind: actor.kind, name: actor.name },
    action,
    target,
    ip: actor.ip ?? null,
    request_id: actor.requestId ?? null,
    details,
  };
}
