import type { Knex } from 'knex';
import type { AuditAction, AuditEntry, AuditRow, AuditStore } from '../../access/index.ts';
import { listed, toDate, toMs } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  tenant_id: string;
  at: Date;
  actor_kind: 'user' | 'key' | 'system';
  actor_id: string;
  actor_name: string;
  action: AuditAction;
  target: string;
  ip: string | null;
  request_id: string | null;
  details: Record<string, unknown>;
}

export function createAuditStore(knex: Knex): AuditStore {
  return withUnavailable({
    add: (entry: AuditEntry) => addAudit(knex, entry),
    list: (tenantId: string, page: { limit: number; offset: number }) =>
      listed(knex('audit_log').where({ tenant_id: tenantId }).orderBy('id', 'desc'), page, toRow),
  });
}

/** Adds one row, within the caller's transaction where `knex` is one. */
export async function addAudit(knex: Knex, entry: AuditEntry): Promise<void> {
  const { actor, tenantId, action, target, atMs, details } = entry;
  await knex('audit_log').insert({
    tenant_id: tenantId,
    at: toDate(atMs),
    actor_kind: actor.kind,
    actor_id: actor.id,
    actor_name: actor.name,
    action,
    target,
    ip: actor.ip ?? null,
    request_id: actor.requestId ?? null,
    details: JSON.stringify(details ?? {}),
  });
}

function toRow(row: Row): AuditRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    action: row.action,
    target: row.target,
    atMs: toMs(row.at),
    details: row.details,
    actor: {
      kind: row.actor_kind,
      id: row.actor_id,
      name: row.actor_name,
      tenantId: row.tenant_id,
      ...(row.ip === null ? {} : { ip: row.ip }),
      ...(row.request_id === null ? {} : { requestId: row.request_id }),
    },
  };
}
