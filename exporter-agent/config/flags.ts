import type { OptionName } from './schema.ts';

/** What was given on the command line; stands over the environment and the file. */
export interface Flags {
  values: Partial<Record<OptionName, string>>;
  /** `--collector.NAME`, `--no-collector.NAME`: added to the lists of the configuration, the last word wins. */
  collectors: Map<string, 'on' | 'off'>;
}

export const noFlags = (): Flags => ({ values: {}, collectors: new Map() });

/** node_exporter's spelling, so that its command lines can be taken over. */
const spelled: Readonly<Record<string, OptionName>> = {
  '--path.procfs': 'procfs',
  '--path.sysfs': 'sysfs',
  '--path.rootfs': 'rootfs',
  '--collector.textfile.directory': 'textfile_dir',
};

/** Takes a flag it knows; false leaves it to others. */
export function takeFlag(flags: Flags, flag: string, next: () => string): boolean {
  const option = Object.hasOwn(spelled, flag) ? spelled[flag] : undefined;
  if (option !== undefined) {
    flags.values[option] = next();
    return true;
  }
  const [, no, collector] = /^--(no-)?collector\.(\w+)$/.exec(flag) ?? [];
  if (collector === undefined) return false;
  flags.collectors.set(collector, no === undefined ? 'on' : 'off');
  return true;
}
