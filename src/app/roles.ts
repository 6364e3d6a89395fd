import type { Config } from '../platform/index.ts';

export type Role = Exclude<Config['roles'][number], 'all'>;

/** What each role runs; every role serves health, readiness and its own metrics. */
export const roleTable: Readonly<Record<Role, string>> = {
  gateway: 'the write path: remote write, JSON batch, heartbeat',
  api: 'the read path, REST and live updates',
  ruler: 'rules to alerts',
  worker: 'notifications, reports, downsampling, purge',
};

export const everyRole: ReadonlySet<Role> = new Set(['gateway', 'api', 'ruler', 'worker']);

export function expandRoles(roles: Config['roles']): ReadonlySet<Role> {
  const named = roles.filter((role): role is Role => role !== 'all');
  return named.length < roles.length ? everyRole : new Set(named);
}
