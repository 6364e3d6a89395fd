import type { ProcessSnapshot } from '../collect/process/ranking.ts';
import { parseRemoteConfig, type ParsedRemoteConfig } from '../config/remote.ts';
import { describe, headerOf, parseObject, type Answer } from './answer.ts';

export const heartbeatPath = '/api/v1/ingest/heartbeat';

/** The sign of life, contract "Write"; times in ms since the epoch unless the name says otherwise. */
export interface Heartbeat {
  host_id: string;
  hostname: string;
  agent_version: string;
  boot_id: string;
  uptime_seconds: number;
  interval_seconds: number;
  profile?: string;
  /** 0 until the server has given one. */
  config_version: number | string;
  /** Why the version that the server wants is not applied. */
  config_error: string | null;
  /** Only a key in the state directory can be replaced by the server. */
  key_source: 'configured' | 'state_dir' | 'none';
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
  | {
      kind: 'taken';
      clockOffsetMs: number | undefined;
      config: ParsedRemoteConfig | undefined;
      /** The server wants this key to be used from now on. */
      nextKey: string | undefined;
    }
  /** Another machine with the same identity lives; this one must not mix its figures into the other's. */
  | { kind: 'cloned_machine'; message: string }
  | { kind: 'failed'; message: string };

const keyPattern = /^gwk_[\w-]{12}_[\w-]{43}$/;

/** Sends one and reads the answer; never rejects. */
export async function sendHeartbeat(
  heartbeat: Heartbeat,
  deps: { post: (body: Uint8Array) => Promise<Answer>; nowMs: () => number },
): Promise<HeartbeatOutcome> {
  const sentMs = deps.nowMs();
  const answer = await deps.post(Buffer.from(JSON.stringify(heartbeat)));
  if (answer.kind === 'failed') return { kind: 'failed', message: answer.message };
  if (answer.status < 200 || answer.status >= 300) {
    const isClone = answer.status === 403 && reasonOf(answer.text) === 'cloned_machine';
    return { kind: isClone ? 'cloned_machine' : 'failed', message: describe(answer) };
  }
  // Half the round trip is the best guess of when the server looked at its clock.
  const middleMs = (sentMs + deps.nowMs()) / 2;
  const body = parseObject(answer.text);
  const serverMs = body['server_time_ms'];
  const config = body['config'];
  const nextKey = headerOf(answer, 'x-agent-next-key');
  return {
    kind: 'taken',
    clockOffsetMs: typeof serverMs === 'number' ? serverMs - middleMs : undefined,
    config: config === undefined || config === null ? undefined : parseRemoteConfig(config),
    nextKey: nextKey !== undefined && keyPattern.test(nextKey) ? nextKey : undefined,
  };
}

/** The machine-readable reason in the server's error envelope. */
export function reasonOf(text: string): string | undefined {
  let level: unknown = parseObject(text);
  for (const name of ['error', 'details', 'reason']) {
    if (typeof level !== 'object' || level === null) return undefined;
    level = (level as Record<string, unknown>)[name];
  }
  return typeof level === 'string' ? level : undefined;
}
