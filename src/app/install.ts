import { join } from 'node:path';
import { installRoutes, type Route } from '../http/index.ts';
import { createInstallKit, findRuntime } from '../install/index.ts';
import type { Foundation } from './compose.ts';

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
