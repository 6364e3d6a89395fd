import type { Collector } from './collector.ts';
import { isMissing, type Procfs } from './procfs/root.ts';

/** One software RAID of /proc/mdstat, md(4). */
export interface MdArray {
  device: string;
  required: number;
  active: number;
  failed: number;
  spare: number;
  /** Places in the array without a working disk. */
  down: number;
}

/** `md0 : active raid1 sdb1[2](F) sda1[0]` and below it `… [2/1] [U_]`. An inactive array has no second line. */
export function parseMdstat(text: string): MdArray[] {
  const arrays: MdArray[] = [];
  const pattern = /^(md\S+) : (\S+)([^\n]*)\n([^\n]*)/gm;
  for (const [, device = '', , members = '', next = ''] of text.matchAll(pattern)) {
    const count = (mark: string) => members.split(`(${mark})`).length - 1;
    const total = members.match(/\S+\[\d+\]/g)?.length ?? 0;
    const wanted = /\[(\d+)\/(\d+)\]/.exec(next);
    const failed = count('F');
    const spare = count('S');
    arrays.push({
      device,
      failed,
      spare,
      down: (/\[[U_]+\]/.exec(next)?.[0] ?? '').split('_').length - 1,
      required: Number(wanted?.[1] ?? 0),
      active: wanted ? Number(wanted[2]) : total - failed - spare,
    });
  }
  return arrays;
}

/** Software RAID: disks by state and how many there should be. */
export function createMdadmCollector(procfs: Procfs): Collector {
  return {
    name: 'mdadm',
    emits: [],
    collect(_tick, emit) {
      let text: string;
      try {
        text = procfs.read('mdstat');
      } catch (error) {
        if (isMissing(error)) return 'not-on-this-host';
        throw error;
      }
      const arrays = parseMdstat(text);
      for (const { device, required, ...states } of arrays) {
        for (const [state, disks] of Object.entries(states)) {
          emit('node_md_disks', disks, [
            ['device', device],
            ['state', state],
          ]);
        }
        emit('node_md_disks_required', required, [['device', device]]);
      }
      return arrays.length > 0 ? 'ok' : 'not-on-this-host';
    },
  };
}
