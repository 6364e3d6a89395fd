import type { Actor } from './actor.ts';
import type { Listed, Page } from './page.ts';

/** What can be found in the audit log; the words are public API. */
export type AuditAction =
  | 'login'
  | 'login_failed'
  | 'logout'
  | 'refresh_reuse'
  | 'session_ended'
  | 'password_changed'
  | 'password_change_failed'
  | 'password_reset_created'
  | 'password_reset'
  | 'tenant_created'
  | 'tenant_updated'
  | 'tenant_suspended'
  | 'tenant_resumed'
  | 'tenant_deletion_requested'
  | 'tenant_deleted'
  | 'user_created'
  | 'user_updated'
  | 'user_deleted'
  | 'key_created'
  | 'key_revoked'
  | 'key_rotated'
  | 'host_created'
  | 'host_updated'
  | 'host_deleted'
  | 'agent_token_created'
  | 'agent_token_revoked'
  | 'agent_enrolled'
  | 'agent_approved'
  | 'agent_key_rotated'
  | 'agent_config_updated'
  | 'rule_created'
  | 'rule_updated'
  | 'rule_deleted'
  | 'alert_acknowledged'
  | 'alert_unacknowledged'
  | 'silence_created'
  | 'silence_updated'
  | 'silence_expired'
  | 'channel_created'
  | 'channel_updated'
  | 'channel_deleted'
  | 'channel_tested'
  | 'delivery_resent'
  | 'report_schedule_created'
  | 'report_schedule_updated'
  | 'report_schedule_deleted'
  | 'report_run_requested';

export interface AuditEntry {
  actor: Actor;
  /** The tenant whose thing was touched; the row is listed there. */
  tenantId: string;
  action: AuditAction;
  /** `user:ID`, `account:unknown`, `key:ID`, `tenant:ID`, `session:ID`, `host:ID`, `agent-token:ID`, `rule:ID`, `alert:ID`, `silence:ID`, `channel:NAME`, `delivery:ID`, `report-schedule:ID`. */
  target: string;
  atMs: number;
  /** Facts of the change; never a secret. */
  details?: Readonly<Record<string, unknown>>;
}

export interface AuditRow extends AuditEntry {
  id: string;
}

/** What is asked for; all of it must hold. */
export interface AuditFilter {
  /** Id, e-mail of a user or name of a key. */
  user?: string;
  action?: string;
  target?: string;
  /** Milliseconds since the epoch; the second one is not within. */
  sinceMs?: number;
  untilMs?: number;
}

/** Rows are added, read and, after their retention, purged; there is no way to change one. */
export interface AuditStore {
  add(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(tenantId: string, filter: AuditFilter, page: Page): Promise<Listed<AuditRow>>;
  /** All of them, newest first, some at a time. */
  read(tenantId: string, filter: AuditFilter): AsyncIterable<AuditRow>;
}
