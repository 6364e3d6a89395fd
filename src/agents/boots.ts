import { silentAfterMs, type Agent, type AgentPatch } from './agent.ts';

/** How a message of a boot stands to what is known of its host. */
export type BootVerdict =
  /** The machine that is known, or one that may take over from it. */
  | { kind: 'own'; patch: AgentPatch }
  /** A second machine while the first one lives. */
  | { kind: 'clone'; patch: AgentPatch };

interface Sign {
  /** Empty where the agent could not tell. */
  bootId: string;
  uptimeSeconds: number | undefined;
  nowMs: number;
}

/** Rounding of the uptime, and the way of the last heartbeat. */
const slackMs = 2_000;

/**
 * A machine has one boot at a time. Another boot is the same machine, rebooted, where the known one is silent or the
 * new one began after the known one's last word; otherwise two machines use one identity (field notes, enrolment).
 */
export function judgeBoot(agent: Agent, sign: Sign): BootVerdict {
  const { bootId, formerBootId, beatAtMs } = agent;
  if (sign.bootId === '') return { kind: 'own', patch: {} };
  if (bootId === null) return { kind: 'own', patch: { bootId: sign.bootId } };
  if (bootId === sign.bootId) return { kind: 'own', patch: {} };
  const adopted = { bootId: sign.bootId, formerBootId: bootId };
  if (beatAtMs === null || sign.nowMs - beatAtMs > silentAfterMs) {
    const isFlagged = agent.cloneBootId === sign.bootId;
    return {
      kind: 'own',
      patch: { ...adopted, ...(isFlagged ? { cloneBootId: null, cloneSeenAtMs: null } : {}) },
    };
  }
  if (sign.bootId === formerBootId) {
    // A boot never returns: what was taken for a reboot was a second machine, and this is the first.
    const patch = { bootId: sign.bootId, formerBootId: null };
    return { kind: 'own', patch: { ...patch, cloneBootId: bootId, cloneSeenAtMs: sign.nowMs } };
  }
  if (sign.bootId !== agent.cloneBootId && beganAfter(beatAtMs, sign)) {
    return { kind: 'own', patch: adopted };
  }
  return { kind: 'clone', patch: { cloneBootId: sign.bootId, cloneSeenAtMs: sign.nowMs } };
}

function beganAfter(beatAtMs: number, { uptimeSeconds, nowMs }: Sign): boolean {
  if (uptimeSeconds === undefined) return false;
  return nowMs - uptimeSeconds * 1_000 + slackMs >= beatAtMs;
}
