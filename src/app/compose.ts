import { join, resolve } from 'node:path';
import { requireWhole } from '../backup/index.ts';
import { startAgent } from '../managed/index.ts';
import {
  loadSigningKeys,
  type KeyFor,
  type LoadedConfig,
  type Logger,
  type Meters,
} from '../platform/index.ts';
import { requireStores, startBackends, type Backends } from './backends.ts';
import { requireFree } from './listen-address.ts';
import { createLifecycle, type Lifecycle } from './lifecycle.ts';
import type { LocalKeys } from './local-keys.ts';
import { expandRoles, type Role } from './roles.ts';

export interface ComposeOptions {
  loaded: LoadedConfig;
  log: Logger;
  meters: Meters;
  /** Run what the configuration does not name as managed children. */
  managed: boolean;
  /** Of this product, as in package.json. */
  version: string;
  /** Where the built migrations lie. */
  migrationsDir: string;
  /** Runs in a thread of its own for each PDF. */
  pdfScript: string;
  /** Path of the bundled agent to run for this host; none when absent. */
  agentScript?: string;
  /** What hosts get from this server: the bundled agent, and the folder of the files that go with it. */
  agentFiles: { bundle: string; folder: string };
  /** One line for people at each step. */
  progress: (line: string) => void;
}

/** What the first start made and nobody will be shown again. */
export interface FirstStart {
  email: string;
  /** Absent when it was given. */
  password?: string;
}

/** What rooms are built from; each takes from it what it needs and nothing else. */
export interface Foundation extends ComposeOptions {
  lifecycle: Lifecycle;
  roles: ReadonlySet<Role>;
  backends: Backends;
  keyFor: KeyFor;
}

/** What the rooms answer with once they serve. */
export interface Serving {
  /** `http://127.0.0.1:8080`: where people and senders reach this process. */
  url: string;
  firstStart?: FirstStart;
  /** Keys of the tenant `default` for this installation's own use. */
  keys?: LocalKeys;
  /** With which other hosts of the tenant `default` may come for an hour. */
  enrolmentToken?: string;
}

export interface Running {
  serving: Serving;
  /** Stops everything in reverse order; safe to call twice. */
  stop(): Promise<void>;
}

/** Builds the rooms on their foundation: the one place where they are wired. */
export type BuildRooms = (foundation: Foundation) => Promise<Serving>;

/** Starts everything in a straight line; what was started is stopped again when a later step fails. */
export async function compose(options: ComposeOptions, buildRooms: BuildRooms): Promise<Running> {
  const { loaded, log, progress } = options;
  const lifecycle = createLifecycle(log);
  try {
    if (!options.managed) requireStores(loaded);
    requireWhole(loaded.config.dataDir);
    await requireFree(loaded.config.listen);
    const roles = expandRoles(loaded.config.roles);
    const keyFor = loadSigningKeys(loaded.config.dataDir, loaded.secrets.signingKey);
    if (options.managed) progress('starting VictoriaMetrics and Postgres');
    const backends = await startBackends({ loaded, lifecycle, log, managed: options.managed });
    progress(`starting ${[...roles].join(', ')}`);
    const foundation = { ...options, lifecycle, roles, backends, keyFor };
    const serving = await buildRooms(foundation);
    await startLocalAgent(foundation, serving);
    return { serving, stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function startLocalAgent(foundation: Foundation, serving: Serving): Promise<void> {
  const { agentScript, lifecycle, loaded, log, progress } = foundation;
  if (agentScript === undefined || serving.keys === undefined) return;
  progress('starting the agent for this host');
  const stateDir = join(loaded.config.dataDir, 'agent');
  const agent = await startAgent({
    script: agentScript,
    url: serving.url,
    key: serving.keys.agent,
    stateDir,
    log,
    environment: {
      GAUGEWAY_AGENT_HOST_ID: serving.keys.hostId,
      ...(loaded.config.tls.cert === undefined
        ? {}
        : { GAUGEWAY_AGENT_CA_FILE: resolve(loaded.config.tls.cert) }),
    },
  });
  lifecycle.onStop('local agent', () => agent.stop());
}
