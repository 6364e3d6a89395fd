/** A machine that sends, as PRP §7.1 has it. */
export interface Host {
  tenantId: string;
  id: string;
  hostname: string;
  ips: readonly string[];
  /** Labels that the gateway puts on every series of the host: role, zone, … */
  tags: Tags;
  hasGpu: boolean;
  agentVersion: string | null;
  createdAtMs: number;
  lastSeenAtMs: number | null;
}

export type Tags = Readonly<Record<string, string>>;

/** The agent's sign of life; what is beside these fields is kept as it was reported. */
export interface HeartbeatReport {
  hostId: string;
  hostname: string;
  ips: readonly string[];
  hasGpu: boolean;
  agentVersion: string;
  /** The whole message, for `agent_status`. */
  reported: Readonly<Record<string, unknown>>;
}
