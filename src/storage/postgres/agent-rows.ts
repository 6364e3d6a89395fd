import type { Agent } from '../../agents/index.ts';
import { toDateOrNull, toMsOrNull } from './rows.ts';

export interface AgentRow {
  tenant_id: string;
  host_id: string;
  machine: string | null;
  token_id: string | null;
  enrolled_at: Date | null;
  boot_id: string | null;
  former_boot_id: string | null;
  beat_at: Date | null;
  clone_boot_id: string | null;
  clone_seen_at: Date | null;
  key_id: string | null;
  next_key_id: string | null;
  next_key_at: Date | null;
  rotate_wanted_at: Date | null;
}

export function toAgent(row: AgentRow): Agent {
  return {
    tenantId: row.tenant_id,
    hostId: row.host_id,
    machine: row.machine,
    tokenId: row.token_id,
    enrolledAtMs: toMsOrNull(row.enrolled_at),
    bootId: row.boot_id,
    formerBootId: row.former_boot_id,
    beatAtMs: toMsOrNull(row.beat_at),
    cloneBootId: row.clone_boot_id,
    cloneSeenAtMs: toMsOrNull(row.clone_seen_at),
    keyId: row.key_id,
    nextKeyId: row.next_key_id,
    nextKeyAtMs: toMsOrNull(row.next_key_at),
    rotateWantedAtMs: toMsOrNull(row.rotate_wanted_at),
  };
}

export function toAgentRow(agent: Agent): AgentRow {
  return {
    tenant_id: agent.tenantId,
    host_id: agent.hostId,
    machine: agent.machine,
    token_id: agent.tokenId,
    enrolled_at: toDateOrNull(agent.enrolledAtMs),
    boot_id: agent.bootId,
    former_boot_id: agent.formerBootId,
    beat_at: toDateOrNull(agent.beatAtMs),
    clone_boot_id: agent.cloneBootId,
    clone_seen_at: toDateOrNull(agent.cloneSeenAtMs),
    key_id: agent.keyId,
    next_key_id: agent.nextKeyId,
    next_key_at: toDateOrNull(agent.nextKeyAtMs),
    rotate_wanted_at: toDateOrNull(agent.rotateWantedAtMs),
  };
}
