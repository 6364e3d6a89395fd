import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GaugewayError, searchPath } from '../platform/index.ts';
import { runToEnd } from './child.ts';

/** `pg_dump` and `pg_restore` of one Postgres. */
export interface PostgresTools {
  major: number;
  /** The whole database into one file (format "custom"), as one moment saw it. */
  dump(url: string, file: string, signal?: AbortSignal): Promise<void>;
  /** Into an empty database: all of it, or nothing. */
  restore(url: string, file: string, signal?: AbortSignal): Promise<void>;
}

const debianRoot = '/usr/lib/postgresql';

/**
 * The oldest tools that are as new as the server: pg_dump refuses a server that is newer than itself (Postgres docs,
 * "pg_dump", Notes). UNAVAILABLE names the ways to get them.
 */
export function findPostgresTools(serverMajor: number): PostgresTools {
  const found = [...debianPlaces(), ...searchPath()]
    .flatMap((bin) => inspect(bin))
    .sort((a, b) => a.major - b.major);
  const tools = found.find(({ major }) => major >= serverMajor);
  if (tools) return toolsOf(tools);
  const majors = [...new Set(found.map(({ major }) => String(major)))];
  const have = majors.length === 0 ? '' : ` (found: ${majors.join(', ')})`;
  throw new GaugewayError(
    'UNAVAILABLE',
    `pg_dump and pg_restore of Postgres ${serverMajor} or newer were not found${have}. ` +
      `A way to get them: apt-get install postgresql-client-${serverMajor}`,
    { details: { serverMajor, found: majors } },
  );
}

interface Place {
  bin: string;
  major: number;
}

function debianPlaces(): string[] {
  return existsSync(debianRoot)
    ? readdirSync(debianRoot).map((version) => join(debianRoot, version, 'bin'))
    : [];
}

function inspect(bin: string): Place[] {
  if (!existsSync(join(bin, 'pg_dump')) || !existsSync(join(bin, 'pg_restore'))) return [];
  try {
    const text = execFileSync(join(bin, 'pg_dump'), ['--version'], { encoding: 'utf8' });
    const major = /(\d+)(?:\.\d+)?/.exec(text)?.[1];
    return major === undefined ? [] : [{ bin, major: Number(major) }];
  } catch {
    return [];
  }
}

/** Unlogged tables are those that begin anew after a crash too. */
const dumpArgs = ['--format=custom', '--no-unlogged-table-data'];
/** Rights of roles that this server may not have are given anew at the product's start. */
const restoreArgs = ['--no-owner', '--no-privileges', '--single-transaction', '--exit-on-error'];

function toolsOf({ bin, major }: Place): PostgresTools {
  const run = async (
    tool: string,
    url: string,
    args: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const { address, password } = withoutPassword(url);
    await runToEnd(join(bin, tool), ['--no-password', `--dbname=${address}`, ...args], {
      env: { TZ: 'UTC', ...(password === undefined ? {} : { PGPASSWORD: password }) },
      ...(signal ? { signal } : {}),
    });
  };
  return {
    major,
    dump: (url, file, signal) => run('pg_dump', url, [...dumpArgs, `--file=${file}`], signal),
    restore: (url, file, signal) => run('pg_restore', url, [...restoreArgs, file], signal),
  };
}

/** A command line can be read by every user of the machine. */
export function withoutPassword(url: string): { address: string; password: string | undefined } {
  const found = /^([a-z]+:\/\/[^:@/?]*):([^@/?]*)@/i.exec(url);
  if (!found) return { address: url, password: undefined };
  const [whole, before = '', password = ''] = found;
  return {
    address: `${before}@${url.slice(whole.length)}`,
    password: decodeURIComponent(password),
  };
}
