import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findPostgres } from '../../src/managed/find-postgres.ts';
import { chooseRunAs } from '../../src/managed/run-as.ts';
import { launch, until, type Stage } from './stage.ts';

/** A Postgres that somebody else administers, as installations have it that name a database by URL. */
export interface Cluster {
  /** As its superuser. */
  administer: (...statements: string[]) => Promise<void>;
  /** As a role that may log in; no passwords are asked for. */
  urlOf: (role: string, database: string) => string;
}

/** `major` undefined: the newest of the system. */
export async function startCluster(stage: Stage, major: number | undefined): Promise<Cluster> {
  const { bin } = findPostgres(major, stage.directory());
  // Short: a socket's path holds 108 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'gw-'));
  stage.onEnd(() => execFileSync('rm', ['-rf', directory]));
  const [data, sockets] = [join(directory, 'data'), join(directory, 'run')];
  const { uid, gid, privileges } = chooseRunAs(data, [data, join(bin, 'postgres')]);
  const as = (program: string, ...args: string[]) => [
    ...privileges,
    '--',
    join(bin, program),
    ...args,
  ];
  chmodSync(directory, 0o711);
  for (const path of [data, sockets]) {
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, uid, gid);
  }
  const shape = [
    '--username=postgres',
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  execFileSync('setpriv', as('initdb', `--pgdata=${data}`, ...shape), { cwd: '/', stdio: 'pipe' });
  const settings = ['listen_addresses=', `unix_socket_directories=${sockets}`, 'fsync=off'];
  const words = as('postgres', '-D', data, ...settings.flatMap((setting) => ['-c', setting]));
  const server = await launch(stage, undefined, 'setpriv', words);
  const urlOf = (role: string, database: string) =>
    `postgres://${role}@/${database}?host=${sockets}`;

  async function administer(...statements: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: urlOf('postgres', 'postgres') });
    client.on('error', () => undefined);
    try {
      await client.connect();
      for (const sql of statements) await client.query(sql);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  await until('Postgres answers', () => administer('SELECT 1').then(() => true)).catch(() => {
    throw new Error(`Postgres did not start: ${server.said()}`);
  });
  return { administer, urlOf };
}
