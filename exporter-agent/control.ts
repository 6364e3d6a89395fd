import { createFollower, type Follower, type FollowerDeps } from './config/follow.ts';
import type { RemoteConfig } from './config/remote.ts';
import { keepKey, type Credential } from './credential.ts';
import type { Answer } from './send/answer.ts';
import { heartbeatPath, sendHeartbeat, type Heartbeat } from './send/heartbeat.ts';
import type { Transport } from './send/https.ts';

/** What the server tells the agent: its configuration, a new key, that it is a second machine. */
export interface Control {
  /** What the server set, as far as it was good. */
  remote(): RemoteConfig | undefined;
  /** Why the version that the server wants is not in force; null when it is. */
  configError(): string | null;
  /** Server minus host, milliseconds; undefined until a heartbeat was answered. */
  clockOffsetMs(): number | undefined;
  credential(): Credential;
  /** One sign of life; never rejects. */
  beat(): Promise<void>;
  /** Makes a post, unless this is a refused second machine, and minds what the answer says beside its status. */
  mind(post: () => Promise<Answer>): Promise<Answer>;
}

export interface ControlDeps extends Omit<FollowerDeps, 'report'> {
  credential: Credential;
  transport: Transport;
  heartbeat: () => Heartbeat;
  /** What went wrong, for the next heartbeat's `last_error`. */
  onTrouble: (message: string) => void;
  /** The server has heard this `last_error`. */
  onTold: (trouble: string | null) => void;
}

const timeoutMs = 10_000;
const headers = { 'content-type': 'application/json' };

export function createControl(deps: ControlDeps): Control {
  const { clock, log, transport } = deps;
  let { credential } = deps;
  let clockOffsetMs: number | undefined;
  /** What the server said when it refused this machine as a second one. */
  let refused: string | undefined;
  const follower: Follower = createFollower({ ...deps, report: () => beat() });

  async function replaceKey(key: string): Promise<void> {
    if (credential.source !== 'state_dir' || !keepKey(deps.stateDir, key)) {
      deps.onTrouble('the new key from the server cannot be kept: the old one stays in use');
      log.warn('new key from the server not kept');
      return;
    }
    credential = { key, source: 'state_dir' };
    transport.useKey(key);
    log.info('key replaced');
    // The server ends the old key when it sees the new one.
    await beat();
  }

  function mindClone(message: string | undefined): void {
    if (message !== undefined && refused === undefined) {
      log.error('another machine with this identity is running: nothing is sent for now');
    }
    if (message === undefined && refused !== undefined) log.info('this machine may send again');
    refused = message;
  }

  async function beat(): Promise<void> {
    const told = deps.heartbeat();
    const outcome = await sendHeartbeat(told, {
      post: (body) => transport.post(heartbeatPath, body, headers, timeoutMs),
      nowMs: () => clock.nowMs(),
    });
    if (outcome.kind !== 'taken') {
      if (outcome.kind === 'cloned_machine') mindClone(outcome.message);
      deps.onTrouble(outcome.message);
      return;
    }
    mindClone(undefined);
    deps.onTold(told.last_error);
    clockOffsetMs = outcome.clockOffsetMs ?? clockOffsetMs;
    if (outcome.config !== undefined) follower.take(outcome.config);
    if (outcome.nextKey !== undefined) await replaceKey(outcome.nextKey);
  }

  return {
    remote: () => follower.config(),
    configError: () => follower.error(),
    clockOffsetMs: () => clockOffsetMs,
    credential: () => credential,
    beat,
    async mind(post) {
      if (refused !== undefined) return { kind: 'failed', message: refused };
      const answer = await post();
      follower.heard(answer);
      return answer;
    },
  };
}
