import type { Knex } from 'knex';
import type { RowKind, RowPurgeStore } from '../../purge/index.ts';
import { toDate } from './rows.ts';

interface Over {
  table: string;
  /** When a row was over, a timestamp or milliseconds. */
  at: string;
  isMs?: boolean;
  /** Which rows can be over at all. */
  where?: string;
}

const over: Readonly<Record<RowKind, Over>> = {
  audit: { table: 'audit_log', at: 'at' },
  session: { table: 'sessions', at: 'expires_at' },
  // Of sessions that are renewed for ever.
  refresh_token: { table: 'refresh_tokens', at: 'expires_at' },
  password_reset: { table: 'password_resets', at: 'expires_at' },
  // With its timeline and messages, by their references. One whose rule was removed was never closed.
  alert: {
    ...{ table: 'incidents', at: 'coalesce(closed_at_ms, opened_at_ms)', isMs: true },
    where: 'not is_current',
  },
  // The first message of an alert that fires on says that its end is to be told.
  repeated_message: { table: 'deliveries', at: 'finished_at', where: "kind = 'repeat'" },
  message_attempt: { table: 'delivery_attempts', at: 'started_at' },
  api_key: { table: 'api_keys', at: 'least(revoked_at, expires_at)' },
  agent_token: { table: 'agent_tokens', at: 'expires_at' },
  report_run: {
    ...{ table: 'report_runs', at: 'finished_at' },
    where: "status not in ('queued', 'running')",
  },
  refusal: { table: 'ingest_rejections', at: 'last_at' },
  removed_host: { table: 'removed_hosts', at: 'removed_at' },
  ha_leader: { table: 'ha_leaders', at: 'received_at' },
  usage_hour: { table: 'tenant_usage', at: 'hour' },
  ruler: { table: 'rulers', at: 'beat_at' },
};

export function createPurgeStore(knex: Knex): RowPurgeStore {
  const remove =
    ({ table, at, isMs, where = 'true' }: Over) =>
    async (beforeMs: number, limit: number): Promise<number> => {
      // `ctid`: tables have keys of many kinds.
      const { rowCount } = await knex.raw<{ rowCount: number }>(
        `delete from ${table} where ctid = any(array(
           select ctid from ${table} where ${where} and ${at} < ? order by ${at} limit ?))`,
        [isMs ? beforeMs : toDate(beforeMs), limit],
      );
      return rowCount;
    };
  return Object.fromEntries(
    Object.entries(over).map(([kind, rows]) => [kind, remove(rows)]),
  ) as unknown as RowPurgeStore;
}
