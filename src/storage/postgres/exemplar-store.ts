import type { Knex } from 'knex';
import type { ExemplarStore, KeptExemplar } from '../../ingest/index.ts';
import type { Label } from '../../wire/index.ts';
import { toDate, toMs } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

type Labels = Readonly<Record<string, string>>;

interface Row {
  series_labels: Labels;
  labels: Labels;
  value: number;
  ts: Date;
}

/** One series with its exemplars in order of time, as Prometheus's `query_exemplars` answers. */
export interface StoredExemplars {
  labels: Labels;
  exemplars: { labels: Labels; value: number; timestampMs: number }[];
}

export interface PostgresExemplars extends ExemplarStore {
  /** Of the tenant's metrics of these names (all when empty), times inclusive, the newest `maxExemplarsRead`. */
  read(request: {
    tenantId: string;
    metrics: readonly string[];
    startMs: number;
    endMs: number;
  }): Promise<StoredExemplars[]>;
}

const maxRowsPerTenant = 100_000;
/** 9999-12-31. */
const maxTimestampMs = 253_402_300_799_999;
const maxExemplarsRead = 10_000;

export function createExemplarStore(knex: Knex): PostgresExemplars {
  const store: PostgresExemplars = {
    async add(exemplars) {
      await knex.transaction(async (trx) => {
        await trx.batchInsert('exemplars', exemplars.filter(isStorable).map(toRow), 1_000);
        for (const tenantId of new Set(exemplars.map((one) => one.tenantId))) {
          await trim(trx, tenantId);
        }
      });
    },
    async read({ tenantId, metrics, startMs, endMs }) {
      const query = knex('exemplars')
        .where({ tenant_id: tenantId })
        .whereBetween('ts', [toDate(within(startMs)), toDate(within(endMs))])
        .orderBy('ts', 'desc')
        .limit(maxExemplarsRead);
      if (metrics.length > 0) void query.whereIn('metric', [...metrics]);
      return bySeries((await query) as Row[]);
    },
  };
  return withUnavailable(acrossTenants(store, 'add'));
}

async function trim(trx: Knex.Transaction, tenantId: string): Promise<void> {
  await trx.raw(
    `delete from exemplars where tenant_id = ? and id <= (
       select id from exemplars where tenant_id = ? order by id desc offset ? limit 1)`,
    [tenantId, tenantId, maxRowsPerTenant],
  );
}

function bySeries(newestFirst: readonly Row[]): StoredExemplars[] {
  const series = new Map<string, StoredExemplars>();
  for (const row of newestFirst.toReversed()) {
    const key = JSON.stringify(Object.entries(row.series_labels).sort());
    const found = series.get(key) ?? { labels: row.series_labels, exemplars: [] };
    series.set(key, found);
    found.exemplars.push({ labels: row.labels, value: row.value, timestampMs: toMs(row.ts) });
  }
  return [...series.values()];
}

const within = (ms: number): number => Math.min(Math.max(ms, 0), maxTimestampMs);

/** One impossible time must not keep the rest of its batch from being stored, again and again. */
function isStorable({ exemplar: { timestampMs } }: KeptExemplar): boolean {
  return timestampMs >= 0 && timestampMs <= maxTimestampMs;
}

function toRow({ tenantId, seriesLabels, exemplar }: KeptExemplar) {
  const metric = seriesLabels.find(([name]) => name === '__name__')?.[1] ?? '';
  return {
    tenant_id: tenantId,
    metric: withoutNul(metric),
    series_labels: toJson(seriesLabels),
    labels: toJson(exemplar.labels),
    value: exemplar.value,
    ts: toDate(exemplar.timestampMs),
  };
}

function toJson(labels: readonly Label[]): string {
  return JSON.stringify(
    Object.fromEntries(labels.map(([name, value]) => [withoutNul(name), withoutNul(value)])),
  );
}

/** Neither text nor jsonb of Postgres holds a NUL. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
