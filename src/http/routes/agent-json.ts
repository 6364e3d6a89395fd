import type { AgentConfig, AgentStatus, SeenAgent } from '../../agents/index.ts';
import { isoTimeOrNull } from '../parse.ts';

/** The configuration as agents read it: the version beside the settings. */
export function toSettingsJson({ version, settings }: AgentConfig) {
  return { version, ...settings };
}

/** Contract "The agent's budget". */
const budget = { rss_bytes: 50_000_000, cpu_ratio: 0.01 } as const;

type Facts = Readonly<Record<string, unknown>>;

const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;
const textOf = (value: unknown): string | null =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
const factsOf = (value: unknown): Facts =>
  typeof value === 'object' && value !== null ? (value as Facts) : {};
const secondsSince = (ms: number | null, nowMs: number): number | null =>
  ms === null ? null : Math.max(0, Math.round((nowMs - ms) / 100) / 10);

/** One agent of the overview. What it reported is read field by field: another version may say it otherwise. */
export function toAgentJson(seen: SeenAgent, config: AgentConfig, nowMs: number) {
  const { agent, reported } = seen;
  const spool = factsOf(reported['spool']);
  const self = factsOf(reported['self']);
  const rss = numberOf(self['rss_bytes']);
  const cpu = numberOf(self['cpu_ratio']);
  return {
    host_id: agent.hostId,
    hostname: seen.hostname,
    status: seen.status satisfies AgentStatus,
    version: seen.agentVersion,
    os: seen.os,
    arch: seen.arch,
    profile: textOf(reported['profile']),
    enrolled_at: isoTimeOrNull(agent.enrolledAtMs),
    last_heartbeat_at: isoTimeOrNull(agent.beatAtMs),
    /** Since any sign of life, a write included. */
    lag_seconds: secondsSince(seen.lastSeenAtMs, nowMs),
    uptime_seconds: numberOf(reported['uptime_seconds']),
    clock_offset_ms: numberOf(reported['clock_offset_ms']),
    buffer: {
      bytes: numberOf(spool['bytes']),
      oldest_age_seconds: secondsSince(numberOf(spool['oldest_ts_ms']), nowMs),
      dropped_batches: numberOf(spool['dropped_batches']),
    },
    cost: {
      ...{ rss_bytes: rss, cpu_ratio: cpu, budget },
      within_budget:
        rss === null || cpu === null ? null : rss <= budget.rss_bytes && cpu <= budget.cpu_ratio,
    },
    config: {
      wanted: config.version,
      applied: textOf(reported['config_version']),
      error: textOf(reported['config_error']),
    },
    key_rotation: agent.rotateWantedAtMs === null && agent.nextKeyId === null ? 'none' : 'pending',
    clone: agent.cloneBootId === null ? null : { seen_at: isoTimeOrNull(agent.cloneSeenAtMs) },
    last_error: textOf(reported['last_error']),
  };
}
