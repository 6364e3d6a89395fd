import type { Knex } from 'knex';
import type { AuditEntry } from '../../access/index.ts';
import type { Host, HostPatch, HostStore } from '../../hosts/index.ts';
import { addAudit } from './audit-store.ts';
import { toHost, type HostRow } from './host-rows.ts';
import { isDuplicate, toDate, toDateOrNull } from './rows.ts';

type HostChanges = Pick<HostStore, 'create' | 'change' | 'remove' | 'importAll'>;

/** What administrators do to hosts; each change and its audit row are one transaction. */
export function hostChanges(knex: Knex): HostChanges {
  return {
    async create(host, { maxHosts, audit }) {
      try {
        return await knex.transaction(async (trx) => {
          if ((await lockedTotal(trx, host.tenantId)) >= maxHosts) return 'too_many_hosts';
          await trx('hosts').insert(toRow(host));
          await addAudit(trx, audit);
          return 'created';
        });
      } catch (error) {
        if (isDuplicate(error)) return 'exists';
        throw error;
      }
    },
    change: (host, patch, audit) => knex.transaction((trx) => change(trx, host, { patch, audit })),
    remove: (host, audit) =>
      knex.transaction(async (trx) => {
        await trx('hosts').where(keyOf(host)).delete();
        await noteRemoved(trx, host, audit.atMs);
        const revoked = await trx('api_keys')
          .where({ tenant_id: host.tenantId, host_id: host.id, revoked_at: null })
          .update({ revoked_at: toDate(audit.atMs) });
        await addAudit(trx, { ...audit, details: { ...audit.details, keys_revoked: revoked } });
        return revoked;
      }),
    importAll: (tenantId, { ids, plan, audit }) =>
      knex.transaction(async (trx) => {
        const total = await lockedTotal(trx, tenantId);
        const rows = (await trx('hosts')
          .where({ tenant_id: tenantId })
          .whereRaw('id = any(?::text[])', [[...ids]])
          .forUpdate()) as HostRow[];
        const existing = new Map(rows.map((row) => [row.id, toHost(row)]));
        const planned = plan(existing, total);
        if (!planned.isDone) return planned;
        for (const change of planned.plan.changes) {
          const { action, after } = change;
          if (action === 'create') await trx('hosts').insert(toRow(after));
          else await trx('hosts').where(keyOf(after)).update(factsOf(after));
          await addAudit(trx, audit(change));
        }
        return planned;
      }),
  };
}

async function change(
  trx: Knex.Transaction,
  host: Host,
  { patch, audit }: { patch: HostPatch; audit: (after: Host) => AuditEntry },
): Promise<Host | undefined> {
  const { hostname, ips, tags } = patch;
  const before = (await trx('hosts').where(keyOf(host)).forUpdate().first()) as
    (HostRow & { pinned: string[] }) | undefined;
  if (!before) return undefined;
  const pinned = new Set(before.pinned);
  pin(pinned, 'hostname', hostname);
  pin(pinned, 'ips', ips);
  const after = toHost({
    ...before,
    ...(typeof hostname === 'string' ? { hostname } : {}),
    ...(ips ? { ips: [...ips] } : {}),
    ...(tags ? { tags } : {}),
  });
  await trx('hosts')
    .where(keyOf(host))
    .update({ ...factsOf(after), pinned: [...pinned] });
  await addAudit(trx, audit(after));
  return after;
}

/** Signs of life are held for seconds, and while Postgres is away. */
const rememberedMs = 86_400_000;

async function noteRemoved(
  trx: Knex.Transaction,
  { tenantId, id }: Host,
  atMs: number,
): Promise<void> {
  await trx('removed_hosts')
    .where({ tenant_id: tenantId })
    .where('removed_at', '<', toDate(atMs - rememberedMs))
    .delete();
  await trx('removed_hosts')
    .insert({ tenant_id: tenantId, host_id: id, removed_at: toDate(atMs) })
    .onConflict(['tenant_id', 'host_id'])
    .merge();
}

/** How many hosts the tenant has, while nobody else adds any. */
async function lockedTotal(trx: Knex.Transaction, tenantId: string): Promise<number> {
  // Not `for update`: every row that names its tenant (a login, an audit row, an alert) would wait for the import.
  await trx('tenants').where({ id: tenantId }).forNoKeyUpdate().first('id');
  const counted = await trx('hosts')
    .where({ tenant_id: tenantId })
    .count<{ count: string }[]>('* as count');
  return Number(counted[0]?.count ?? 0);
}

const keyOf = ({ tenantId, id }: Host) => ({ tenant_id: tenantId, id });

const factsOf = ({ hostname, ips, tags }: Host) => ({
  hostname,
  ips: [...ips],
  tags: JSON.stringify(tags),
});

const toRow = (host: Host) => ({
  ...keyOf(host),
  ...factsOf(host),
  created_at: toDate(host.createdAtMs),
  last_seen_at: toDateOrNull(host.lastSeenAtMs),
});

function pin(pinned: Set<string>, column: string, value: unknown): void {
  if (value === null) pinned.delete(column);
  else if (value !== undefined) pinned.add(column);
}
