import type { Knex } from 'knex';
import type { UsageRow, UsageStore } from '../../tenants/index.ts';
import { toDate, toMs } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  tenant_id: string;
  hour: Date;
  samples: string;
  refused_samples: string;
  bytes_written: string;
  queries: string;
  bytes_read: string;
  active_series: string;
  metric_names: string;
}

export function createUsageStore(knex: Knex): UsageStore {
  const store: UsageStore = {
    async add(rows) {
      await knex.raw(
        `insert into tenant_usage (tenant_id, hour, samples, refused_samples, bytes_written, queries, bytes_read,
           active_series, metric_names)
         select * from unnest(?::text[], ?::timestamptz[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[],
           ?::bigint[], ?::bigint[], ?::bigint[]) as u (tenant_id)
         where exists (select from tenants where id = u.tenant_id)
         order by 1, 2
         on conflict (tenant_id, hour) do update set
           samples = tenant_usage.samples + excluded.samples,
           refused_samples = tenant_usage.refused_samples + excluded.refused_samples,
           bytes_written = tenant_usage.bytes_written + excluded.bytes_written,
           queries = tenant_usage.queries + excluded.queries,
           bytes_read = tenant_usage.bytes_read + excluded.bytes_read,
           active_series = greatest(tenant_usage.active_series, excluded.active_series),
           metric_names = greatest(tenant_usage.metric_names, excluded.metric_names)`,
        [
          rows.map((row) => row.tenantId),
          rows.map((row) => toDate(row.hourMs).toISOString()),
          rows.map((row) => row.samples),
          rows.map((row) => row.refusedSamples),
          rows.map((row) => row.bytesWritten),
          rows.map((row) => row.queries),
          rows.map((row) => row.bytesRead),
          rows.map((row) => row.activeSeries),
          rows.map((row) => row.metricNames),
        ],
      );
    },
    async read(tenantId, { fromMs, untilMs }) {
      const rows = (await knex('tenant_usage')
        .where({ tenant_id: tenantId })
        .where('hour', '>=', toDate(fromMs))
        .where('hour', '<', toDate(untilMs))
        .orderBy('hour')) as Row[];
      return rows.map(toUsage);
    },
  };
  return withUnavailable(store);
}

function toUsage(row: Row): UsageRow {
  return {
    ...{ tenantId: row.tenant_id, hourMs: toMs(row.hour) },
    ...{ samples: Number(row.samples), refusedSamples: Number(row.refused_samples) },
    ...{ bytesWritten: Number(row.bytes_written), queries: Number(row.queries) },
    ...{ bytesRead: Number(row.bytes_read), activeSeries: Number(row.active_series) },
    metricNames: Number(row.metric_names),
  };
}
