import type { IngestRouteDeps } from '../http/index.ts';
import { systemClock } from '../platform/index.ts';
import type { People } from './people.ts';

/** A heartbeat concerns two rooms: `agents` says whose machine it is, then `hosts` keeps what it reported. */
export function heartbeatTo({
  agents,
  hosts,
}: Pick<People, 'agents' | 'hosts'>): IngestRouteDeps['heartbeat'] {
  return async ({ tenantId, hostId, keyId }, report) => {
    const { boot_id: bootId, uptime_seconds: uptime, key_source: keySource } = report;
    const beat = {
      ...{ tenantId, hostId, keyId },
      bootId: typeof bootId === 'string' && /^[\w-]{1,64}$/.test(bootId) ? bootId : '',
      uptimeSeconds: typeof uptime === 'number' && uptime >= 0 ? uptime : undefined,
      takesKeys: keySource === 'state_dir',
    };
    const outcome = await agents.beat(beat, () => hosts.heartbeat(tenantId, hostId, report));
    if (outcome.kind === 'cloned_machine') return outcome;
    const config = agents.configs.of(tenantId, hostId);
    return { ...outcome, server_time_ms: systemClock.nowMs(), config };
  };
}
