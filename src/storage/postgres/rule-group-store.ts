import type { Knex } from 'knex';
import type { GroupLease, OfferedGroup, RulerStore } from '../../ruler/index.ts';

/** A ruler that said nothing for this long counts no more when groups are shared out, milliseconds. */
const rulerLifeMs = 10_000;
/** Most groups that one look takes over, so that several rulers starting together share. */
const mostAtOnce = 64;

interface LeaseRow {
  tenant_id: string;
  key: string;
  epoch: string;
  last_slot_ms: string | null;
}

const toLease = ({ tenant_id, key, epoch, last_slot_ms }: LeaseRow): GroupLease => ({
  tenantId: tenant_id,
  groupKey: key,
  epoch,
  lastSlotMs: last_slot_ms === null ? undefined : Number(last_slot_ms),
});

const columns = (groups: readonly OfferedGroup[]) => ({
  tenants: groups.map(({ tenantId }) => tenantId),
  keys: groups.map(({ groupKey }) => groupKey),
});

/** The leases of groups (field/alerting.md 6.1): rows with an epoch that grows with every change of owner. */
export function createGroupLeases(
  knex: Knex,
  holder: string,
): Pick<RulerStore, 'offer' | 'beat' | 'takeRetired' | 'release' | 'remove'> {
  return {
    async offer(groups) {
      if (groups.length === 0) return;
      await knex.raw(
        `INSERT INTO rule_groups (tenant_id, key, interval_ms, next_slot_ms)
         SELECT tenant_id, key, interval_ms, 0
         FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS text[]), CAST(:intervals AS bigint[])) AS g (tenant_id, key, interval_ms)
         WHERE EXISTS (SELECT FROM tenants WHERE id = g.tenant_id)
         ON CONFLICT (tenant_id, key) DO UPDATE SET interval_ms = excluded.interval_ms
         WHERE rule_groups.interval_ms <> excluded.interval_ms`,
        { ...columns(groups), intervals: groups.map(({ intervalMs }) => intervalMs) },
      );
    },
    beat: (groups, ttlMs) =>
      knex.transaction(async (trx) => {
        await sayAlive(trx, holder);
        const held = await renewOffered(trx, { holder, groups, ttlMs });
        const share = await fairShare(trx, groups.length);
        const room = Math.min(mostAtOnce, share - held.length);
        const taken = room > 0 ? await takeFree(trx, { holder, groups, ttlMs, room }) : [];
        const surplus = held.length - share;
        const kept = surplus > 0 ? await giveBack(trx, held, surplus) : held;
        const { rows } = await trx.raw<{ rows: { now_ms: string }[] }>(
          `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS now_ms`,
        );
        return { leases: [...kept, ...taken].map(toLease), nowMs: Number(rows[0]?.now_ms) };
      }),
    async takeRetired(groups, ttlMs) {
      const { rows } = await knex.raw<{ rows: LeaseRow[] }>(
        `UPDATE rule_groups SET lease_owner = :holder, epoch = epoch + 1,
           lease_until = clock_timestamp() + :ttlMs * interval '1 millisecond'
         WHERE (tenant_id, key) IN (
           SELECT tenant_id, key FROM rule_groups
           WHERE (lease_owner IS NULL OR lease_until < clock_timestamp() - interval '15 seconds')
             AND NOT EXISTS (
               SELECT FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS text[])) AS g (tenant_id, key)
               WHERE g.tenant_id = rule_groups.tenant_id AND g.key = rule_groups.key)
           LIMIT 8 FOR UPDATE SKIP LOCKED)
         RETURNING tenant_id, key, epoch, last_slot_ms`,
        { ...columns(groups), holder, ttlMs },
      );
      return rows.map(toLease);
    },
    async release() {
      await knex('rule_groups')
        .where({ lease_owner: holder })
        .update({ lease_owner: null, lease_until: null });
      await knex('rulers').where({ holder }).delete();
    },
    remove: (lease) => knex.transaction((trx) => forget(trx, lease)),
  };
}

/** What is still to be told is: the rows of the outbox and the timeline stay. */
async function forget(
  trx: Knex.Transaction,
  { tenantId, groupKey, epoch }: GroupLease,
): Promise<void> {
  const group = { tenant_id: tenantId, key: groupKey, epoch };
  if ((await trx('rule_groups').where(group).delete()) === 0) return;
  const below = { tenant_id: tenantId, group_key: groupKey };
  await trx('alert_instances').where(below).delete();
  await trx('rule_evaluations').where(below).delete();
  await trx('incidents').where(below).update({ is_current: false });
}

async function sayAlive(trx: Knex.Transaction, holder: string): Promise<void> {
  await trx.raw(
    `INSERT INTO rulers (holder, beat_at) VALUES (:holder, clock_timestamp())
     ON CONFLICT (holder) DO UPDATE SET beat_at = excluded.beat_at`,
    { holder },
  );
}

/** A group that is gone must not count for the share, and is only retired once nobody holds it. */
async function renewOffered(
  trx: Knex.Transaction,
  { holder, groups, ttlMs }: Omit<Wanted, 'room'>,
): Promise<LeaseRow[]> {
  const offered = new Set(groups.map(({ tenantId, groupKey }) => `${tenantId} ${groupKey}`));
  const isOffered = ({ tenant_id, key }: LeaseRow) => offered.has(`${tenant_id} ${key}`);
  const renewed = await renew(trx, holder, ttlMs);
  const gone = renewed.filter((lease) => !isOffered(lease));
  await giveBack(trx, gone, gone.length);
  return renewed.filter(isOffered);
}

async function renew(trx: Knex.Transaction, holder: string, ttlMs: number): Promise<LeaseRow[]> {
  const { rows } = await trx.raw<{ rows: LeaseRow[] }>(
    `UPDATE rule_groups SET lease_until = clock_timestamp() + :ttlMs * interval '1 millisecond'
     WHERE lease_owner = :holder RETURNING tenant_id, key, epoch, last_slot_ms`,
    { holder, ttlMs },
  );
  return rows;
}

async function fairShare(trx: Knex.Transaction, groups: number): Promise<number> {
  await trx.raw(`DELETE FROM rulers WHERE beat_at < clock_timestamp() - interval '1 minute'`);
  const { rows } = await trx.raw<{ rows: { alive: string }[] }>(
    `SELECT count(*) AS alive FROM rulers
     WHERE beat_at > clock_timestamp() - :life * interval '1 millisecond'`,
    { life: rulerLifeMs },
  );
  return Math.ceil(groups / Math.max(1, Number(rows[0]?.alive)));
}

interface Wanted {
  holder: string;
  groups: readonly OfferedGroup[];
  ttlMs: number;
  room: number;
}

async function takeFree(
  trx: Knex.Transaction,
  { holder, groups, ttlMs, room }: Wanted,
): Promise<LeaseRow[]> {
  const { rows } = await trx.raw<{ rows: LeaseRow[] }>(
    `UPDATE rule_groups SET lease_owner = :holder, epoch = rule_groups.epoch + 1,
       lease_until = clock_timestamp() + :ttlMs * interval '1 millisecond'
     FROM (
       SELECT r.tenant_id, r.key FROM rule_groups r
       JOIN unnest(CAST(:tenants AS text[]), CAST(:keys AS text[])) AS g (tenant_id, key) USING (tenant_id, key)
       WHERE r.lease_owner IS NULL OR r.lease_until < clock_timestamp()
       ORDER BY r.next_slot_ms LIMIT :room FOR UPDATE OF r SKIP LOCKED) AS free
     WHERE rule_groups.tenant_id = free.tenant_id AND rule_groups.key = free.key
     RETURNING rule_groups.tenant_id, rule_groups.key, rule_groups.epoch, rule_groups.last_slot_ms`,
    { ...columns(groups), holder, ttlMs, room },
  );
  return rows;
}

async function giveBack(
  trx: Knex.Transaction,
  held: readonly LeaseRow[],
  surplus: number,
): Promise<LeaseRow[]> {
  for (const { tenant_id, key, epoch } of held.slice(0, surplus)) {
    await trx('rule_groups')
      .where({ tenant_id, key, epoch })
      .update({ lease_owner: null, lease_until: null });
  }
  return held.slice(surplus);
}
