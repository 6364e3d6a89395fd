import type { Instances } from '../alerts/index.ts';
import type { Answer } from './ask.ts';

const heartbeat = 'agent_heartbeat_timestamp_seconds';

/**
 * Hosts whose agent was heard within the hour, but not in the last two minutes (PRP 5.1). A host without an agent is not
 * among them, and after an hour of silence its alerts end: "Agent Silent" tells of it by then.
 */
export const quietHosts = `count by (host_id) (last_over_time(${heartbeat}[1h])) unless count by (host_id) (last_over_time(${heartbeat}[2m]))`;

/** Keys of the alerts of such hosts. Where storage does not answer nothing is known of any host: then all. */
export function silentAmong(instances: Instances, answer: Answer): ReadonlySet<string> {
  const quiet = answer.ok
    ? new Set(answer.rows.map(({ labels }) => labels.get('host_id')))
    : undefined;
  const keys = new Set<string>();
  for (const { key, labels } of instances.values()) {
    const host = labels.get('host_id');
    if (host !== undefined && (quiet?.has(host) ?? true)) keys.add(key);
  }
  return keys;
}
