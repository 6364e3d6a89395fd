import { join, resolve } from 'node:path';
import { sleep, type Logger } from '../platform/index.ts';
import { spawnTied } from './child.ts';
import { lockDirectory } from './directory-lock.ts';
import { supervise, type Supervised } from './supervise.ts';

export interface AgentOptions {
  /** The bundled agent, one file. */
  script: string;
  /** Base URL of the gateway. */
  url: string;
  /** API key with the scope `write`; goes by environment. */
  key: string;
  stateDir: string;
  log: Logger;
  /** Further variables, `GAUGEWAY_AGENT_…`. */
  environment?: Readonly<Record<string, string>>;
}

/** What keeps V8 below the agent's memory budget (contract: The agent's budget). */
const runtimeFlags = ['--jitless', '--max-semi-space-size=1', '--no-node-snapshot'];
/** A configuration that is refused ends the agent within this time. */
const settleMs = 400;

/** Runs the agent for this very host as a child that dies with this process. */
export async function startAgent(options: AgentOptions): Promise<Supervised> {
  const stateDir = resolve(options.stateDir);
  const log = options.log.child('managed');
  const lock = await lockDirectory(stateDir, 'the local agent', log);
  const logFile = join(stateDir, 'agent.log');
  try {
    return await supervise({
      name: 'local agent',
      spawn: () =>
        spawnTied({
          command: process.execPath,
          args: [...runtimeFlags, options.script, 'run'],
          deathSignal: 'TERM',
          env: {
            GAUGEWAY_AGENT_URL: options.url,
            GAUGEWAY_AGENT_KEY: options.key,
            GAUGEWAY_AGENT_STATE_DIR: stateDir,
            ...options.environment,
          },
          cwd: stateDir,
          logFile,
        }),
      ready: (_pid, signal) => sleep(settleMs, signal),
      readyWithinMs: 10_000,
      stopSignal: 'SIGTERM',
      stopWithinMs: 5_000,
      logFile,
      lock,
      log,
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}
