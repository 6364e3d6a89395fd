import { join } from 'node:path';
import { systemActor } from '../access/index.ts';
import { installRoutes, type Route } from '../http/index.ts';
import { createInstallKit, findRuntime } from '../install/index.ts';
import type { Foundation } from './compose.ts';
import type { People } from './people.ts';

/** Every process hands the agent out: a host may reach only one of them. */
export function agentInstallation({ agentFiles, loaded }: Foundation): Route[] {
  const { dataDir, publicUrl } = loaded.config;
  return installRoutes({
    kit: createInstallKit({
      ...agentFiles,
      cacheDir: join(dataDir, 'install'),
      runtime: findRuntime(process),
    }),
    publicUrl: publicUrl === undefined ? undefined : new URL(publicUrl),
  });
}

const newHosts = { name: 'hosts of the first hour', maxUses: 10, ttlMs: 3_600_000, tags: {} };

/** For the line that a start prints: copied at once or not at all. */
export async function tokenForNewHosts({ agents }: People): Promise<string> {
  return (await agents.tokens.create('default', newHosts, systemActor('default'))).token;
}
