import { homedir } from 'node:os';
import { join } from 'node:path';
import { readEnvironment } from './env.ts';

/** What the environment tells the commands that talk to a running server; no keys of a server. */
export interface ClientSettings {
  url?: string;
  key?: string;
  keyFile?: string;
  caFile?: string;
  /** Where what a login leaves is kept: `gaugeway` in XDG's directory for configuration. */
  directory: string;
  /** False with `NO_COLOR` (https://no-color.org) and on terminals that know none. */
  mayColour: boolean;
}

export function clientSettings(environment = readEnvironment()): ClientSettings {
  const of = (name: string): string | undefined => {
    const value = environment[name];
    return value === '' ? undefined : value;
  };
  const [url, key, keyFile, caFile] = [
    of('GAUGEWAY_URL'),
    of('GAUGEWAY_KEY'),
    of('GAUGEWAY_KEY_FILE'),
    of('GAUGEWAY_CA_FILE'),
  ];
  return {
    ...(url === undefined ? {} : { url }),
    ...(key === undefined ? {} : { key }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(caFile === undefined ? {} : { caFile }),
    directory: join(of('XDG_CONFIG_HOME') ?? join(of('HOME') ?? homedir(), '.config'), 'gaugeway'),
    mayColour: of('NO_COLOR') === undefined && environment['TERM'] !== 'dumb',
  };
}
