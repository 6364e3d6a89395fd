import type { Host } from '../../hosts/index.ts';
import { toMs, toMsOrNull } from './rows.ts';

export interface HostRow {
  tenant_id: string;
  id: string;
  hostname: string;
  ips: string[];
  tags: Record<string, string>;
  has_gpu: boolean;
  agent_version: string | null;
  created_at: Date;
  last_seen_at: Date | null;
}

export function toHost(row: HostRow): Host {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    hostname: row.hostname,
    ips: row.ips,
    tags: row.tags,
    hasGpu: row.has_gpu,
    agentVersion: row.agent_version,
    createdAtMs: toMs(row.created_at),
    lastSeenAtMs: toMsOrNull(row.last_seen_at),
  };
}
