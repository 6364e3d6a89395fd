import type { ProcessSnapshot } from '../collect/process/ranking.ts';
import { parseRemoteConfig, type ParsedRemoteConfig } from '../config/remote.ts';
import { describe, type Answer } from './answer.ts';

export const heartbeatPath = '/api/v1/ingest/heartbeat';

/** The sign of life, contract "Write"; times in ms since the epoch unless the name says otherwise. */
export interface Heartbeat {
  host_id: string;
  hostname: string;
  agent_version: string;
  boot_id: string;
  uptime_seconds: number;
  interval_seconds: number;
  /** 0 until the server has given one. */
  config_version: number | string;
  spool: { bytes: number; oldest_ts_ms: number | null; dropped_batches: number };
  last_error: string | null;
  /** Server minus host; null until known. */
  clock_offset_ms: number | null;
  ips: readonly string[];
  has_gpu: boolean;
  self: { rss_bytes: number; cpu_ratio: number };
  /** What runs, for `GET /api/v1/processes/top`; null before the first pass and where it is switched off. */
  top_processes: ProcessSnapshot | null;
}

export type HeartbeatOutcome =
  | { ok: true; clockOffsetMs: number | undefined; config: ParsedRemoteConfig | undefined }
  | { ok: false; message: string };

/** Sends one and reads the answer; never rejects. */
export async function sendHeartbeat(
  heartbeat: Heartbeat,
  deps: { post: (body: Uint8Array) => Promise<Answer>; nowMs: () => number },
): Promise<HeartbeatOutcome> {
  const sentMs = deps.nowMs();
  const answer = await deps.post(Buffer.from(JSON.stringify(heartbeat)));
  if (answer.kind === 'failed' || answer.status < 200 || answer.status >= 300) {
    return { ok: false, message: describe(answer) };
  }
  // Half the round trip is the best guess of when the server looked at its clock.
  const middleMs = (sentMs + deps.nowMs()) / 2;
  const body = parseObject(answer.text);
  const serverMs = body['server_time_ms'];
  const config = body['config'];
  return {
    ok: true,
    clockOffsetMs: typeof serverMs === 'number' ? serverMs - middleMs : undefined,
    config: config === undefined || config === null ? undefined : parseRemoteConfig(config),
  };
}

/** An answer without a readable body is still a sign of life received. */
function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
