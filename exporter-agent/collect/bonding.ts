import type { Collector } from './collector.ts';
import { isMissing, type Procfs } from './procfs/root.ts';

/** Bonded interfaces: how many slaves each has and how many of them carry, Documentation/networking/bonding.rst. */
export function createBondingCollector(sysfs: Procfs): Collector {
  return {
    name: 'bonding',
    emits: [],
    collect(_tick, emit) {
      const masters = readWords(sysfs, 'class/net/bonding_masters');
      for (const master of masters) {
        const slaves = readWords(sysfs, `class/net/${master}/bonding/slaves`);
        const up = slaves.filter((slave) => isUp(sysfs, master, slave));
        const labels = [['master', master]] as const;
        emit('node_bonding_slaves', slaves.length, labels);
        emit('node_bonding_active', up.length, labels);
      }
      return masters.length > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}

/** The link goes by another name since kernel 3.x (`lower_eth0` beside `slave_eth0`). */
function isUp(sysfs: Procfs, master: string, slave: string): boolean {
  for (const link of [`lower_${slave}`, `slave_${slave}`]) {
    const [status] = readWords(sysfs, `class/net/${master}/${link}/bonding_slave/mii_status`);
    if (status !== undefined) return status === 'up';
  }
  return false;
}

function readWords(sysfs: Procfs, path: string): string[] {
  try {
    return sysfs
      .read(path)
      .split(/\s+/)
      .filter((word) => word !== '');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
