import type { Knex } from 'knex';
import type {
  AuditAction,
  AuditEntry,
  AuditFilter,
  AuditRow,
  AuditStore,
  Page,
} from '../../access/index.ts';
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
  const rows = (tenantId: string, filter: AuditFilter): Knex.QueryBuilder =>
    knex('audit_log')
      .where({ tenant_id: tenantId })
      .where((query) => {
        narrow(query, filter);
      })
      .orderBy('id', 'desc');
  const store = withUnavailable({
    add: (entry: AuditEntry) => addAudit(knex, entry),
    list: (tenantId: string, filter: AuditFilter, page: Page) =>
      listed(rows(tenantId, filter), page, toRow),
    async older(tenantId: string, filter: AuditFilter, than: string | undefined) {
      const query = rows(tenantId, filter).limit(pageSize);
      const found = (await (than === undefined ? query : query.where('id', '<', than))) as Row[];
      return found.map(toRow);
    },
  });
  return {
    ...{ add: store.add, list: store.list },
    async *read(tenantId, filter) {
      for (let last: string | undefined; ;) {
        const page = await store.older(tenantId, filter, last);
        yield* page;
        if (page.length < pageSize) return;
        last = page.at(-1)?.id;
      }
    },
  };
}

/** Rows that are held at once, of however many are read. */
const pageSize = 500;

function narrow(query: Knex.QueryBuilder, filter: AuditFilter): void {
  const { user, action, target, sinceMs, untilMs } = filter;
  if (user !== undefined) {
    query.where((either) => void either.where('actor_id', user).orWhere('actor_name', user));
  }
  if (action !== undefined) query.where({ action });
  if (target !== undefined) query.where({ target });
  if (sinceMs !== undefined) query.where('at', '>=', toDate(sinceMs));
  if (untilMs !== undefined) query.where('at', '<', toDate(untilMs));
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
