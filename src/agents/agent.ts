/** One host's agent as the server knows it; times in milliseconds since the epoch. */
export interface Agent {
  tenantId: string;
  hostId: string;
  /** HMAC of the machine's id, hex; null where the agent was never enrolled. */
  machine: string | null;
  /** The token it enrolled with. */
  tokenId: string | null;
  enrolledAtMs: number | null;
  /** Boot of the machine that speaks for this host. */
  bootId: string | null;
  /** The boot before it: one that comes back is a second machine. */
  formerBootId: string | null;
  /** Last heartbeat of that machine. */
  beatAtMs: number | null;
  /** Boot of a second machine that was refused. */
  cloneBootId: string | null;
  cloneSeenAtMs: number | null;
  /** The key that enrolment gave. */
  keyId: string | null;
  /** Its successor that was handed out and not seen yet. */
  nextKeyId: string | null;
  nextKeyAtMs: number | null;
  /** When an administrator asked for a new key; null: nobody did, or it is done. */
  rotateWantedAtMs: number | null;
}

/** The facts that change while an agent runs. */
export type AgentPatch = Partial<Omit<Agent, 'tenantId' | 'hostId' | 'machine'>>;

export type AgentStatus = 'ok' | 'silent' | 'never' | 'clone';

/** An agent as the overview shows it. */
export interface SeenAgent {
  agent: Agent;
  status: AgentStatus;
  hostname: string;
  agentVersion: string | null;
  os: string | null;
  arch: string | null;
  /** Last sign of life of any kind, a write included. */
  lastSeenAtMs: number | null;
  /** What the agent last said about itself; another version's words are possible. */
  reported: Readonly<Record<string, unknown>>;
}

/** What the overview asks the store for. */
export interface AgentListing {
  tenantId: string;
  status?: AgentStatus;
  hostId?: string;
  /** Heartbeats before this are silence. */
  silentBeforeMs: number;
  /** Second machines seen before this are forgotten. */
  cloneBeforeMs: number;
  limit: number;
  offset: number;
}

/** PRP "Agent Silent": four heartbeats that did not come. */
export const silentAfterMs = 120_000;

/** How long a refused second machine is shown after it was last heard. */
export const cloneShownMs = 3_600_000;
