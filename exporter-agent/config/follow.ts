import type { Clock } from '../clock.ts';
import { messageOf, type Logger } from '../log.ts';
import { describe, headerOf, parseObject, type Answer } from '../send/answer.ts';
import type { Transport } from '../send/https.ts';
import {
  loadRemoteConfig,
  parseRemoteConfig,
  saveRemoteConfig,
  type ParsedRemoteConfig,
  type RemoteConfig,
} from './remote.ts';

/** Keeps the agent on the configuration that the server wants: every answer names its version. */
export interface Follower {
  /** In force; that of an earlier run until the server is heard, undefined where there is none. */
  config(): RemoteConfig | undefined;
  /** Why the version that the server wants is not in force; null when it is. */
  error(): string | null;
  /** Looks at the version in an answer, and fetches what is new. */
  heard(answer: Answer): void;
  /** Takes a configuration that came with an answer. */
  take(parsed: ParsedRemoteConfig): void;
}

export interface FollowerDeps {
  hostId: string;
  stateDir: string;
  /** False: the operator objects to being configured from afar. */
  takesConfig: boolean;
  transport: Pick<Transport, 'get'>;
  /** Called when the configuration changed; throws where it cannot be applied. */
  onConfig: (config: RemoteConfig) => void;
  /** Tells the server what became of a version. */
  report: () => Promise<void>;
  clock: Clock;
  random: () => number;
  log: Logger;
}

const timeoutMs = 10_000;
/** The report after a change is spread, so that a fleet does not report at once. */
const reportSpreadMs = 5_000;

export function createFollower(deps: FollowerDeps): Follower {
  const { clock, log, takesConfig } = deps;
  let config = takesConfig ? loadRemoteConfig(deps.stateDir) : undefined;
  /** Asked for last, good or bad: a bad one is not fetched at every tick. */
  let askedVersion = config === undefined ? undefined : String(config.version);
  let isAsking = false;
  let error: string | null = null;

  /** Null, or why not. */
  function apply(wanted: RemoteConfig): string | null {
    if (wanted.version === config?.version) return null;
    try {
      deps.onConfig(wanted);
    } catch (thrown) {
      return messageOf(thrown);
    }
    config = wanted;
    const kept = saveRemoteConfig(deps.stateDir, wanted);
    log.info('configuration from the server applied', { ...wanted, kept });
    return null;
  }

  function take(parsed: ParsedRemoteConfig): void {
    if (!takesConfig) return;
    const why = parsed.ok ? apply(parsed.config) : parsed.reason;
    if (why !== null && why !== error) {
      log.warn('configuration from the server refused', { reason: why });
    }
    error = why;
  }

  async function ask(version: string): Promise<void> {
    const path = `/api/v1/agents/self/config?host_id=${encodeURIComponent(deps.hostId)}`;
    const have = config === undefined ? {} : { 'if-none-match': `"${config.version}"` };
    const answer = await deps.transport.get(path, have, timeoutMs);
    if (answer.kind === 'failed' || (answer.status !== 200 && answer.status !== 304)) {
      log.warn('configuration not fetched, will be tried again', { error: describe(answer) });
      return;
    }
    if (answer.status === 304) {
      askedVersion = version;
      error = null;
    } else {
      const body = parseObject(answer.text);
      // Of a replica that has not heard of the change yet it is an earlier one: then asked again.
      askedVersion = String(body['version']);
      take(parseRemoteConfig(body));
    }
    await clock.sleep(deps.random() * reportSpreadMs);
    await deps.report();
  }

  return {
    config: () => config,
    error: () => error,
    take,
    heard(answer) {
      const version = headerOf(answer, 'x-agent-config');
      if (version === undefined || version === askedVersion || isAsking || !takesConfig) return;
      isAsking = true;
      void ask(version).finally(() => (isAsking = false));
    },
  };
}
