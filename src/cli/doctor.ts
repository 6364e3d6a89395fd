import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { requireFree } from '../app/index.ts';
import { findPostgres, findVictoria, lacksOf } from '../managed/index.ts';
import { messageOf, searchPath, type LoadedConfig } from '../platform/index.ts';

export interface Finding {
  what: string;
  ok: boolean;
  detail: string;
}

/** Looks at what a start would need; starts and changes nothing. */
export async function examine(loaded: LoadedConfig): Promise<Finding[]> {
  const { config, secrets } = loaded;
  return [
    await finding('address', async () => {
      await requireFree(config.listen);
      return `${config.listen} is free`;
    }),
    await finding('data directory', () => writableDirectory(resolve(config.dataDir))),
    await finding('Postgres', () => {
      if (secrets.databaseUrl !== undefined) return 'given by GAUGEWAY_DATABASE_URL';
      const { version, bin } = findPostgres(undefined, join(config.dataDir, 'postgres'));
      return `${version} in ${bin}`;
    }),
    await finding('VictoriaMetrics', () => describeVictoria(config.victoria.raw.url)),
    await finding('setpriv', () => {
      const found = searchPath().find((directory) => existsSync(join(directory, 'setpriv')));
      if (found === undefined) throw new Error('not on PATH; it comes with util-linux');
      return found;
    }),
  ];
}

async function finding(what: string, look: () => string | Promise<string>): Promise<Finding> {
  try {
    return { what, ok: true, detail: await look() };
  } catch (error) {
    return { what, ok: false, detail: messageOf(error) };
  }
}

function describeVictoria(url: string | undefined): string {
  if (url !== undefined) return 'given by GAUGEWAY_VICTORIA_RAW_URL';
  const binary = findVictoria([]);
  if (!binary) return 'not on PATH; the first start fetches it';
  const lacks = lacksOf(binary);
  const note = lacks.length > 0 ? `; lacks ${lacks.join(', ')}` : '';
  return `${binary.version} at ${binary.path}${note}`;
}

function writableDirectory(directory: string): string {
  let at = directory;
  while (!existsSync(at)) at = dirname(at);
  accessSync(at, constants.W_OK | constants.X_OK);
  return at === directory ? `${directory} can be written` : `${directory} can be made`;
}
