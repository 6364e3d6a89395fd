import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { LedgerStore, Rejection } from '../../ingest/index.ts';
import { listed, toDate, toMs } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  tenant_id: string;
  reason: Rejection['reason'];
  series: string;
  sender: string;
  count: string;
  first_at: Date;
  last_at: Date;
}

/** The ledger of what was refused, as written by ingest and read by the API. */
export interface PostgresRejections extends LedgerStore {
  /** Latest first. */
  list(
    tenantId: string,
    page: { limit: number; offset: number },
  ): Promise<{ items: Rejection[]; total: number }>;
}

/** Rows kept of one tenant, the latest ones; a sum over a whole reason has the empty series and stays. */
const maxRowsPerTenant = 10_000;

export function createRejectionStore(knex: Knex): PostgresRejections {
  const store: PostgresRejections = {
    async add(rows) {
      await knex.transaction(async (trx) => {
        await upsert(trx, rows);
        for (const tenantId of new Set(rows.map((row) => row.tenantId))) await trim(trx, tenantId);
      });
    },
    list: (tenantId, page) =>
      listed(
        knex('ingest_rejections')
          .where({ tenant_id: tenantId })
          .orderBy([{ column: 'last_at', order: 'desc' }, 'reason', 'sender', 'series_hash']),
        page,
        toRejection,
      ),
  };
  return withUnavailable(acrossTenants(store, 'add'));
}

async function upsert(trx: Knex.Transaction, rows: readonly Rejection[]): Promise<void> {
  await trx.raw(
    `insert into ingest_rejections
       (tenant_id, reason, sender, series_hash, series, count, first_at, last_at)
     select * from unnest(?::text[], ?::text[], ?::text[], ?::bytea[], ?::text[],
       ?::bigint[], ?::timestamptz[], ?::timestamptz[])
     on conflict (tenant_id, reason, sender, series_hash) do update set
       count = ingest_rejections.count + excluded.count,
       last_at = greatest(ingest_rejections.last_at, excluded.last_at)`,
    [
      rows.map((row) => row.tenantId),
      rows.map((row) => row.reason),
      rows.map((row) => withoutNul(row.sender)),
      rows.map((row) => createHash('sha256').update(row.series).digest()),
      rows.map((row) => withoutNul(row.series)),
      rows.map((row) => row.samples),
      rows.map((row) => toDate(row.firstAtMs).toISOString()),
      rows.map((row) => toDate(row.lastAtMs).toISOString()),
    ],
  );
}

async function trim(trx: Knex.Transaction, tenantId: string): Promise<void> {
  await trx.raw(
    `delete from ingest_rejections where tenant_id = ? and series <> '' and last_at < (
       select last_at from ingest_rejections where tenant_id = ? and series <> ''
       order by last_at desc offset ? limit 1)`,
    [tenantId, tenantId, maxRowsPerTenant],
  );
}

/** A refused series may hold anything, and Postgres's text holds no NUL. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

function toRejection(row: Row): Rejection {
  return {
    tenantId: row.tenant_id,
    reason: row.reason,
    series: row.series,
    sender: row.sender,
    samples: Number(row.count),
    firstAtMs: toMs(row.first_at),
    lastAtMs: toMs(row.last_at),
  };
}
