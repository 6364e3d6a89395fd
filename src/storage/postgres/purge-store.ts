import type { Knex } from 'knex';
import type { PurgeStore } from '../../access/index.ts';
import { toDate } from './rows.ts';

export function createPurgeStore(knex: Knex): PurgeStore {
  const oldest =
    (table: string, key: string, column: string) => (beforeMs: number, limit: number) =>
      knex(table)
        .whereIn(
          key,
          knex(table).where(column, '<', toDate(beforeMs)).orderBy(column).limit(limit).select(key),
        )
        .delete();
  return {
    auditRows: oldest('audit_log', 'id', 'at'),
    sessions: oldest('sessions', 'id', 'expires_at'),
    passwordResets: oldest('password_resets', 'token_hash', 'expires_at'),
  };
}
