import type { Collector, Labels } from './collector.ts';
import { readValue, type Procfs } from './procfs/root.ts';

const clocksource = 'devices/system/clocksource/clocksource0';

/** The distribution, os-release(5), and where the kernel takes its time from. */
export function createOsCollector(trees: { root: Procfs; sysfs: Procfs }): Collector {
  return {
    name: 'os',
    emits: [],
    collect(_tick, emit) {
      const text =
        readValue(trees.root, 'etc/os-release') ?? readValue(trees.root, 'usr/lib/os-release');
      if (text !== undefined) {
        const fields = parseOsRelease(text);
        emit('node_os_info', 1, osLabels(fields, infoFields));
        const version = /^\d+(\.\d+)?/.exec(fields.get('VERSION_ID') ?? '')?.[0];
        if (version !== undefined) {
          emit('node_os_version', Number(version), osLabels(fields, ['id', 'id_like', 'name']));
        }
      }
      const current = readValue(trees.sysfs, `${clocksource}/current_clocksource`);
      if (current !== undefined) {
        emit('node_time_clocksource_current_info', 1, clockLabels(current));
      }
      const available = readValue(trees.sysfs, `${clocksource}/available_clocksource`) ?? '';
      for (const name of available.split(' ').filter(Boolean)) {
        emit('node_time_clocksource_available_info', 1, clockLabels(name));
      }
      return 'ok';
    },
  };
}

const infoFields =
  `build_id id id_like image_id image_version name pretty_name variant variant_id version
  version_codename version_id`.split(/\s+/);

function osLabels(fields: ReadonlyMap<string, string>, names: readonly string[]): Labels {
  return names.map((name) => [name, fields.get(name.toUpperCase()) ?? ''] as const);
}

function clockLabels(name: string): Labels {
  return [
    ['clocksource', name],
    ['device', '0'],
  ];
}

/** `NAME=value`, the value bare or quoted as in a shell. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^([A-Z_0-9]+)=(.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const quoted = /^(["'])(.*)\1$/.exec(value)?.[2];
    fields.set(name, (quoted ?? value).replace(/\\(["'$`\\])/g, '$1'));
  }
  return fields;
}
