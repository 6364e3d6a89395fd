import type { AgentConfig } from '../config/schema.ts';
import { createProcfs, type Procfs } from './procfs/root.ts';

/** What the collectors read, on the system that this runs on. */
export async function openSystem(
  config: Pick<AgentConfig, 'procfs' | 'profile' | 'collectors_off'>,
  monotonicMs: () => number,
): Promise<{ procfs: Procfs } & Pick<AgentConfig, 'profile' | 'collectors_off'>> {
  if (process.platform !== 'darwin') return { ...config, procfs: createProcfs(config.procfs) };
  const { openDarwinProcfs } = await import('./darwin/procfs.ts');
  return {
    procfs: await openDarwinProcfs(monotonicMs),
    // node_exporter names a Mac's figures otherwise, and counts no sockets there.
    profile: 'lean',
    collectors_off: [...config.collectors_off, 'sockets'],
  };
}
