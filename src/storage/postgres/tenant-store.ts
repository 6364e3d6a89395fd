import type { Knex } from 'knex';
import type { Tenant, TenantPolicy, TenantStatus, TenantStore } from '../../access/index.ts';
import type { UsageRow, UsageStore } from '../../tenants/index.ts';
import { addAudit } from './audit-store.ts';
import { isDuplicate, listed, toDate, toMs } from './rows.ts';
import { insertUser } from './user-store.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  id: string;
  name: string;
  status: TenantStatus;
  status_reason: string | null;
  policy: Partial<TenantPolicy>;
  created_at: Date;
}

export function createTenantStore(knex: Knex): TenantStore {
  const store: TenantStore = {
    async insert(tenant, audit, admin) {
      try {
        await knex.transaction(async (trx) => {
          await trx('tenants').insert({
            id: tenant.id,
            name: tenant.name,
            policy: JSON.stringify(tenant.policy),
            created_at: toDate(tenant.createdAtMs),
          });
          await addAudit(trx, audit);
          if (admin) await insertUser(trx, admin.record, admin.audit);
        });
        return 'done';
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        return error.constraint === 'users_email_unique' ? 'email_taken' : 'id_taken';
      }
    },
    async find(id) {
      const row = (await knex('tenants').where({ id }).first()) as Row | undefined;
      return row && toTenant(row);
    },
    list: (page) => listed(knex('tenants').orderBy('id'), page, toTenant),
    all: async () => ((await knex('tenants').orderBy('id')) as Row[]).map(toTenant),
    async update(id, { name, policy }, audit) {
      await knex.transaction(async (trx) => {
        await trx('tenants')
          .where({ id })
          .update({
            ...(name === undefined ? {} : { name }),
            ...(policy === undefined ? {} : { policy: JSON.stringify(policy) }),
          });
        await addAudit(trx, audit);
      });
    },
    setStatus: (id, { from, to, reason }, audit) =>
      knex.transaction(async (trx) => {
        const changed = await trx('tenants')
          .where({ id })
          .whereIn('status', [...from])
          .update({ status: to, status_reason: reason });
        if (changed === 0) return false;
        if (to !== 'active') {
          await trx('sessions')
            .where({ tenant_id: id, revoked_at: null })
            .update({ revoked_at: toDate(audit.atMs), revoked_reason: `tenant ${to}` });
        }
        await addAudit(trx, audit);
        return true;
      }),
  };
  return withUnavailable(acrossTenants(store, 'all'));
}

function toTenant(row: Row): Tenant {
  const { id, name, status, status_reason: statusReason, policy } = row;
  return { id, name, status, statusReason, policy, createdAtMs: toMs(row.created_at) };
}

interface HourRow {
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
        .orderBy('hour')) as HourRow[];
      return rows.map(toUsage);
    },
  };
  return withUnavailable(acrossTenants(store, 'add'));
}

function toUsage(row: HourRow): UsageRow {
  return {
    ...{ tenantId: row.tenant_id, hourMs: toMs(row.hour) },
    ...{ samples: Number(row.samples), refusedSamples: Number(row.refused_samples) },
    ...{ bytesWritten: Number(row.bytes_written), queries: Number(row.queries) },
    ...{ bytesRead: Number(row.bytes_read), activeSeries: Number(row.active_series) },
    metricNames: Number(row.metric_names),
  };
}
