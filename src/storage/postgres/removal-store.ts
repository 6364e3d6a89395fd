import type { Knex } from 'knex';
import type { AuditEntry } from '../../access/index.ts';
import type { Removal, RemovalStore } from '../../tenants/index.ts';
import { addAudit } from './audit-store.ts';
import { isDuplicate, toDate, toMs, toMsOrNull } from './rows.ts';
import { childrenFirst, tablesOfTenants } from './tenant-tables.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  tenant_id: string;
  requested_by: string;
  requested_at: Date;
  status: Removal['status'];
  step: Removal['step'];
  series: string;
  series_left: string | null;
  files: string;
  row_counts: Record<string, number>;
  error: string | null;
  finished_at: Date | null;
  verified_at: Date | null;
}

const table = 'tenant_deletions';

export function createRemovalStore(knex: Knex): RemovalStore {
  const store: RemovalStore = {
    async insert({ id, tenantId, requestedBy, requestedAtMs }) {
      try {
        await knex(table).insert({
          ...{ id, tenant_id: tenantId, requested_by: requestedBy },
          ...{ requested_at: toDate(requestedAtMs), status: 'waiting', step: 'waiting' },
        });
        return true;
      } catch (error) {
        if (isDuplicate(error)) return false;
        throw error;
      }
    },
    async find(tenantId) {
      const row = (await knex(table)
        .where({ tenant_id: tenantId })
        .orderBy('requested_at', 'desc')
        .first()) as Row | undefined;
      return row && toRemoval(row);
    },
    claim: (holder, bounds) => claim(knex, holder, bounds),
    async note({ id, holder }, { step, series, seriesLeft, files }, leaseMs) {
      const changed = await heldRow(knex, id, holder).update({
        ...(step === undefined ? {} : { step }),
        ...(series === undefined ? {} : { series }),
        ...(seriesLeft === undefined ? {} : { series_left: seriesLeft }),
        ...(files === undefined ? {} : { files }),
        lease_until: later(knex, leaseMs),
      });
      return changed === 1;
    },
    async tables() {
      const all = await tablesOfTenants(knex);
      return childrenFirst(all.tables, all.references);
    },
    removeRows: (removal, name, options) => removeRows(knex, { ...removal, name, ...options }),
    finish: (removal, atMs, audit) => finish(knex, { ...removal, atMs, audit }),
    async fail({ id, holder }, error) {
      await heldRow(knex, id, holder).update({
        error,
        holder: null,
        lease_until: later(knex, 5_000),
      });
    },
    claimCheck: (bounds) => claimCheck(knex, bounds),
    async noteCheck(id, { seriesLeft, series }) {
      await knex(table).where({ id }).update({ series_left: seriesLeft, series });
    },
  };
  return withUnavailable(store);
}

const later = (knex: Knex, ms: number) =>
  knex.raw("clock_timestamp() + ? * interval '1 millisecond'", [ms]);

const heldRow = (knex: Knex, id: string, holder: string) =>
  knex(table).where({ id, holder, status: 'running' });

async function claim(
  knex: Knex,
  holder: string,
  { requestedBeforeMs, leaseMs }: Parameters<RemovalStore['claim']>[1],
): Promise<Removal | undefined> {
  const { rows } = await knex.raw<{ rows: Row[] }>(
    `update tenant_deletions set status = 'running', holder = :holder,
       lease_until = clock_timestamp() + :leaseMs * interval '1 millisecond'
     where id = (
       select id from tenant_deletions
       where status <> 'done' and requested_at <= :before
         and (lease_until is null or lease_until < clock_timestamp())
       order by requested_at limit 1 for update skip locked)
     returning *`,
    { holder, leaseMs, before: toDate(requestedBeforeMs) },
  );
  return rows[0] && toRemoval(rows[0]);
}

interface Batch {
  id: string;
  holder: string;
  tenantId: string;
  name: string;
  limit: number;
  leaseMs: number;
}

function removeRows(knex: Knex, batch: Batch): Promise<number | undefined> {
  const { id, holder, tenantId, name, limit, leaseMs } = batch;
  return knex.transaction(async (trx) => {
    const held = await heldRow(trx, id, holder).forUpdate().first<{ id: string } | undefined>('id');
    if (!held) return undefined;
    // `ctid`: tables have keys of many kinds.
    const { rowCount } = await trx.raw<{ rowCount: number }>(
      'delete from ?? where ctid = any(array(select ctid from ?? where tenant_id = ? limit ?))',
      [name, name, tenantId, limit],
    );
    await heldRow(trx, id, holder).update({
      row_counts: trx.raw(
        'jsonb_set(row_counts, array[?::text], to_jsonb(coalesce((row_counts->>?)::bigint, 0) + ?::bigint))',
        [name, name, rowCount],
      ),
      lease_until: later(trx, leaseMs),
    });
    return rowCount;
  });
}

function finish(knex: Knex, { id, holder, tenantId, atMs, audit }: Ending): Promise<boolean> {
  return knex.transaction(async (trx) => {
    const done = await heldRow(trx, id, holder).update({
      ...{ status: 'done', step: 'done', error: null, holder: null, lease_until: null },
      ...{ finished_at: toDate(atMs), verified_at: toDate(atMs) },
    });
    if (done !== 1) return false;
    await trx('tenants').where({ id: tenantId, status: 'deleting' }).delete();
    await addAudit(trx, audit);
    return true;
  });
}

interface Ending {
  id: string;
  holder: string;
  tenantId: string;
  atMs: number;
  audit: AuditEntry;
}

/** The counters by which other processes heard of the end go now: they all have. */
function claimCheck(
  knex: Knex,
  { finishedAfterMs, verifiedBeforeMs, nowMs }: Parameters<RemovalStore['claimCheck']>[0],
): Promise<Removal | undefined> {
  return knex.transaction(async (trx) => {
    const row = (await trx(table)
      .where({ status: 'done' })
      .where('finished_at', '>', toDate(finishedAfterMs))
      .where('verified_at', '<', toDate(verifiedBeforeMs))
      .whereNotExists(trx('tenants').where('tenants.id', trx.ref(`${table}.tenant_id`)))
      .orderBy('verified_at')
      .forUpdate()
      .skipLocked()
      .first()) as Row | undefined;
    if (!row) return undefined;
    await trx(table)
      .where({ id: row.id })
      .update({ verified_at: toDate(nowMs) });
    await trx('changes').where({ tenant_id: row.tenant_id }).delete();
    return toRemoval(row);
  });
}

function toRemoval(row: Row): Removal {
  const { id, status, step, error } = row;
  return {
    ...{ id, status, step, error, tenantId: row.tenant_id, requestedBy: row.requested_by },
    ...{ requestedAtMs: toMs(row.requested_at), series: Number(row.series) },
    seriesLeft: row.series_left === null ? null : Number(row.series_left),
    ...{ files: Number(row.files), rows: row.row_counts },
    finishedAtMs: toMsOrNull(row.finished_at),
    verifiedAtMs: toMsOrNull(row.verified_at),
  };
}
