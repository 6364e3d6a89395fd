import { z } from 'zod';
import { GaugewayError } from '../platform/index.ts';

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

/** What a person says about a host. */
export interface HostFields {
  hostname: string;
  ips: readonly string[];
  tags: Tags;
}

/** What is absent stays; a hostname or addresses that a person sets are no longer taken from the agent, null gives them back. */
export interface HostPatch {
  hostname?: string | null;
  ips?: readonly string[] | null;
  /** All tags of the host. */
  tags?: Tags;
}

export const ipSchema = z.union([z.ipv4(), z.ipv6()], 'is no IP address');

/** A label value and a path segment; as the agent's own option has it. */
export const hostIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is no host id');

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

/** Loose: a newer agent may report more than this server knows. */
const reportSchema = z.looseObject({
  hostname: z.string().min(1).max(255).optional(),
  agent_version: z.string().max(64).default(''),
  ips: z.array(z.string().max(64)).max(64).default([]),
  has_gpu: z.boolean().default(false),
});

/** Larger than any agent's; beyond it the database is not the place. */
const maxReportChars = 16_384;

/**
 * Postgres's jsonb holds no NUL and no lone surrogate; JSON text has both as escapes. A backslash before `u` that is
 * itself escaped is none: whoever may start a program may name it so, and the host would fall silent.
 */
const notInJsonb = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** Whether Postgres can have it as text. */
export function isStorable(text: string): boolean {
  return !text.includes('\0');
}

/** Throws BAD_REQUEST with the field that is wrong. */
export function toHeartbeatReport(hostId: string, report: unknown): HeartbeatReport {
  const parsed = reportSchema.safeParse(report);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join('.') ?? '';
    throw new GaugewayError('BAD_REQUEST', `heartbeat: ${field} ${issue?.message ?? ''}`);
  }
  const text = JSON.stringify(parsed.data);
  if (text.length > maxReportChars || notInJsonb.test(text)) {
    throw new GaugewayError(
      'BAD_REQUEST',
      'heartbeat: too large, or with a NUL character or half a surrogate pair',
    );
  }
  const { hostname = hostId, agent_version: agentVersion, ips, has_gpu: hasGpu } = parsed.data;
  return { hostId, hostname, ips, hasGpu, agentVersion, reported: parsed.data };
}
