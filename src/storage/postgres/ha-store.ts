import type { Knex } from 'knex';
import type { HaClaim, HaLeader, HaStore } from '../../ingest/index.ts';
import { toDate, toMs } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  tenant_id: string;
  cluster: string;
  replica: string;
  elected_at: Date;
  received_at: Date;
}

export function createHaStore(knex: Knex): HaStore {
  const store: HaStore = {
    claim: (claim) => claimLeadership(knex, claim),
    async refresh(leaders) {
      // Only a leader that still is one: a gateway that was cut off must not keep a deposed replica alive.
      await knex.raw(
        `update ha_leaders set received_at = greatest(ha_leaders.received_at, heard.at)
         from unnest(?::text[], ?::text[], ?::text[], ?::timestamptz[]) as heard (tenant_id, cluster, replica, at)
         where ha_leaders.tenant_id = heard.tenant_id and ha_leaders.cluster = heard.cluster
           and ha_leaders.replica = heard.replica`,
        [
          leaders.map((leader) => leader.tenantId),
          leaders.map((leader) => leader.cluster),
          leaders.map((leader) => leader.replica),
          leaders.map((leader) => toDate(leader.receivedAtMs).toISOString()),
        ],
      );
    },
    list: async (tenantId) =>
      ((await knex('ha_leaders').where({ tenant_id: tenantId }).orderBy('cluster')) as Row[]).map(
        toLeader,
      ),
  };
  return withUnavailable(acrossTenants(store, 'claim', 'refresh'));
}

async function claimLeadership(knex: Knex, claim: HaClaim): Promise<HaLeader> {
  const { tenantId, cluster, replica } = claim;
  const now = toDate(claim.nowMs);
  // One statement that always answers with a row: the second arm keeps the leader that is alive.
  const { rows } = await knex.raw<{ rows: Row[] }>(
    `insert into ha_leaders as leader (tenant_id, cluster, replica, elected_at, received_at, epoch)
     values (:tenantId, :cluster, :replica, :now, :now, 1)
     on conflict (tenant_id, cluster) do update set
       replica = case when leader.received_at < :stale then excluded.replica else leader.replica end,
       elected_at = case when leader.received_at < :stale and leader.replica <> excluded.replica
         then excluded.elected_at else leader.elected_at end,
       epoch = case when leader.received_at < :stale and leader.replica <> excluded.replica
         then leader.epoch + 1 else leader.epoch end,
       received_at = case when leader.received_at < :stale or leader.replica = excluded.replica
         then greatest(leader.received_at, excluded.received_at) else leader.received_at end
     returning *`,
    { tenantId, cluster, replica, now, stale: toDate(claim.staleBeforeMs) },
  );
  const row = rows[0];
  if (!row) throw new Error('an upsert without a row');
  return toLeader(row);
}

function toLeader(row: Row): HaLeader {
  return {
    tenantId: row.tenant_id,
    cluster: row.cluster,
    replica: row.replica,
    electedAtMs: toMs(row.elected_at),
    receivedAtMs: toMs(row.received_at),
  };
}
