import type { Knex } from 'knex';
import type { HostMatch, HostStore, SeenHost } from '../../hosts/index.ts';
import { heartbeats } from './heartbeats.ts';
import { hostChanges } from './host-changes.ts';
import { toHost, type HostRow } from './host-rows.ts';
import { listed, toDate, toMs } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

export function createHostStore(knex: Knex): HostStore {
  const store: HostStore = {
    async allTags() {
      const rows = await knex('hosts').select<HostRow[]>('tenant_id', 'id', 'tags');
      return rows.map((row) => ({ tenantId: row.tenant_id, hostId: row.id, tags: row.tags }));
    },
    async tagsOfTenant(tenantId) {
      const rows = await knex('hosts')
        .where({ tenant_id: tenantId })
        .select<HostRow[]>('id', 'tags');
      return rows.map((row) => ({ hostId: row.id, tags: row.tags }));
    },
    async find(tenantId, id) {
      const row = (await knex('hosts').where({ tenant_id: tenantId, id }).first()) as
        HostRow | undefined;
      return row && toHost(row);
    },
    list: (tenantId, page, filter = {}) => listed(matching(knex, tenantId, filter), page, toHost),
    matching: async (tenantId, filter) =>
      ((await matching(knex, tenantId, filter)) as HostRow[]).map(toHost),
    ...hostChanges(knex),
    async register(hosts, maxHostsOf) {
      for (const tenantId of new Set(hosts.map((host) => host.tenantId))) {
        const ofTenant = hosts.filter((host) => host.tenantId === tenantId);
        await register(knex, { tenantId, hosts: ofTenant, maxHosts: maxHostsOf(tenantId) });
      }
    },
    async touch(hosts) {
      await knex.raw(
        // Locked in the order of heartbeats (heartbeats.ts): each may hold hosts of the other.
        `with seen as (
           select * from unnest(?::text[], ?::text[], ?::timestamptz[]) as seen (tenant_id, id, at)
         ), locked as (
           select tenant_id, id from hosts join seen using (tenant_id, id)
           order by tenant_id, id for no key update of hosts
         )
         update hosts set last_seen_at = greatest(hosts.last_seen_at, seen.at)
         from seen join locked using (tenant_id, id)
         where hosts.tenant_id = seen.tenant_id and hosts.id = seen.id`,
        [
          hosts.map((host) => host.tenantId),
          hosts.map((host) => host.hostId),
          hosts.map((host) => toDate(host.atMs).toISOString()),
        ],
      );
    },
    async lastReport(tenantId, hostId) {
      const row = await knex('agent_status')
        .where({ tenant_id: tenantId, host_id: hostId })
        .first<{ reported: Record<string, unknown>; received_at: Date } | undefined>(
          'reported',
          'received_at',
        );
      return row && { reported: row.reported, receivedAtMs: toMs(row.received_at) };
    },
    saveHeartbeat: heartbeats(knex),
  };
  return withUnavailable(acrossTenants(store, 'allTags', 'tagsOfTenant', 'register', 'touch'));
}

function matching(
  knex: Knex,
  tenantId: string,
  { tags = {}, search, ids }: HostMatch,
): Knex.QueryBuilder {
  const query = knex('hosts').where({ tenant_id: tenantId });
  if (Object.keys(tags).length > 0) void query.whereRaw('tags @> ?::jsonb', [JSON.stringify(tags)]);
  if (ids !== undefined) void query.whereRaw('id = any(?::text[])', [[...ids]]);
  if (search !== undefined) {
    const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
    void query.where((either) => {
      void either.whereILike('hostname', pattern).orWhereILike('id', pattern);
    });
  }
  return query.orderBy(['hostname', 'id']);
}

interface Registration {
  tenantId: string;
  hosts: readonly SeenHost[];
  maxHosts: number;
}

function register(knex: Knex, { tenantId, hosts, maxHosts }: Registration): Promise<void> {
  return knex.transaction(async (trx) => {
    // Locked, so that two gateways do not both find room for the last host.
    const tenant = await trx('tenants')
      .where({ id: tenantId })
      .forNoKeyUpdate()
      .first<{ id: string } | undefined>('id');
    if (!tenant) return;
    const counted = await trx('hosts')
      .where({ tenant_id: tenantId })
      .count<{ count: string }[]>('* as count');
    const room = maxHosts - Number(counted[0]?.count ?? 0);
    if (room <= 0) return;
    const known = await trx('hosts')
      .where({ tenant_id: tenantId })
      .whereIn(
        'id',
        hosts.map((host) => host.hostId),
      )
      .select<{ id: string }[]>('id');
    const knownIds = new Set(known.map(({ id }) => id));
    const removed = await removedAt(trx, tenantId, hosts);
    const added = hosts
      .filter(({ hostId, atMs }) => !knownIds.has(hostId) && atMs > (removed.get(hostId) ?? 0))
      .slice(0, room);
    const rows = added.map(({ hostId, atMs }) => ({
      ...{ tenant_id: tenantId, id: hostId, hostname: hostId },
      ...{ created_at: toDate(atMs), last_seen_at: toDate(atMs) },
    }));
    if (rows.length > 0) await trx('hosts').insert(rows).onConflict(['tenant_id', 'id']).ignore();
  });
}

/** When those of them that were removed lately were: what was heard before that makes none anew. */
async function removedAt(
  trx: Knex.Transaction,
  tenantId: string,
  hosts: readonly SeenHost[],
): Promise<Map<string, number>> {
  const rows = await trx('removed_hosts')
    .where({ tenant_id: tenantId })
    .whereRaw('host_id = any(?::text[])', [hosts.map(({ hostId }) => hostId)])
    .select<{ host_id: string; removed_at: Date }[]>('host_id', 'removed_at');
  return new Map(rows.map((row) => [row.host_id, toMs(row.removed_at)]));
}
