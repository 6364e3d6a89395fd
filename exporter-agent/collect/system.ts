import type { AgentConfig } from '../config/schema.ts';
import type { Profile } from './node/metric.ts';
import { createProcfs, type Procfs } from './procfs/root.ts';

/** What the collectors read, and what of it there is, on the system that this runs on. */
export interface System {
  procfs: Procfs;
  profileFor(wanted: Profile): Profile;
  off: AgentConfig['collectors_off'];
}

export async function openSystem(
  config: Pick<AgentConfig, 'procfs' | 'collectors_off'>,
  monotonicMs: () => number,
): Promise<System> {
  if (process.platform !== 'darwin') {
    return {
      procfs: createProcfs(config.procfs),
      profileFor: (wanted) => wanted,
      off: config.collectors_off,
    };
  }
  const { openDarwinProcfs } = await import('./darwin/procfs.ts');
  return {
    procfs: await openDarwinProcfs(monotonicMs),
    // node_exporter names a Mac's figures otherwise; there is no /proc/PID, no count of sockets, no NVIDIA card.
    profileFor: () => 'lean',
    off: [...config.collectors_off, 'sockets', 'processes', 'gpu'],
  };
}
