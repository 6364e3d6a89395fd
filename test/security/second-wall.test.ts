import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findPostgres } from '../../src/managed/find-postgres.ts';
import { startPostgres } from '../../src/managed/index.ts';
import { chooseRunAs } from '../../src/managed/run-as.ts';
import { createMeters, silentLogger } from '../../src/platform/index.ts';
import {
  createPostgres,
  migrateUp,
  ofTenant,
  secondWall,
  type Postgres,
} from '../../src/storage/postgres/index.ts';
import { startCluster, type Cluster } from '../support/cluster.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.end());

function connect(url: string): Postgres {
  const postgres = createPostgres({
    ...{ url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  stage.onEnd(() => postgres.close());
  return postgres;
}

/** As a product whose role in the URL has these rights, with two tenants. */
async function open(cluster: Cluster, rights: string): Promise<Postgres> {
  await cluster.administer(
    `CREATE ROLE product LOGIN ${rights}`,
    'CREATE DATABASE own OWNER product',
  );
  return furnish(connect(cluster.urlOf('product', 'own')));
}

async function furnish(postgres: Postgres): Promise<Postgres> {
  await migrateUp(postgres, { directory: join(import.meta.dirname, '../../migrations') });
  for (const id of ['a', 'b']) {
    await postgres.knex('tenants').insert({ id, name: id, policy: '{}' });
  }
  return postgres;
}

/** Whose rows a statement sees that does not say of whom; of the pool's connections each is asked, in both ways. */
async function seenBy(postgres: Postgres, tenantId: string | undefined): Promise<string[]> {
  const { knex } = postgres;
  const ask = async (): Promise<string> => {
    const rows: { id: string }[] = await knex('tenants').select('id').orderBy('id');
    return rows.map(({ id }) => id).join();
  };
  const askWithin = (): Promise<string> =>
    knex.transaction(async (trx) => {
      const rows: { id: string }[] = await trx('tenants').select('id').orderBy('id');
      return rows.map(({ id }) => id).join();
    });
  const work = () => Promise.allSettled([ask(), ask(), askWithin(), askWithin(), ask(), ask()]);
  const answers = await (tenantId === undefined ? work() : ofTenant(tenantId, work));
  const told = answers.map((answer) =>
    answer.status === 'fulfilled' ? answer.value : String(answer.reason),
  );
  return [...new Set(told)];
}

const grant = 'GRANT gaugeway_tenant TO product';

describe.each([
  ['the newest Postgres of the system', undefined],
  ['Postgres 18, where who makes a role is its member and may not become it', 18],
])('by URL, %s', (_, major) => {
  it('a role that may make roles raises the wall itself', async () => {
    const postgres = await open(await startCluster(stage, major), 'CREATEROLE');
    expect(await secondWall(postgres.knex)).toBe('no_role');
    expect(await postgres.raiseWall()).toBe('on');
    expect(await seenBy(postgres, 'a')).toEqual(['a']);
    expect(await seenBy(postgres, undefined)).toEqual(['a,b']);
    expect(await postgres.raiseWall()).toBe('on');
  });

  it('a role that may not works without it, and with it once an administrator made it', async () => {
    const cluster = await startCluster(stage, major);
    const postgres = await open(cluster, '');
    expect(await postgres.raiseWall()).toBe('no_role');
    expect(await seenBy(postgres, 'a')).toEqual(['a,b']);
    await cluster.administer('CREATE ROLE gaugeway_tenant NOLOGIN');
    expect(await postgres.raiseWall()).toBe('not_member');
    expect(await secondWall(postgres.knex)).toBe('not_member');
    expect(await seenBy(postgres, 'a')).toEqual(['a,b']);
    await cluster.administer(grant);
    expect(await postgres.raiseWall()).toBe('on');
    expect(await seenBy(postgres, 'a')).toEqual(['a']);
  });

  it('where the role is taken away meanwhile, requests see nothing and other work goes on', async () => {
    const cluster = await startCluster(stage, major);
    await cluster.administer('CREATE ROLE gaugeway_tenant NOLOGIN');
    const postgres = await open(cluster, `IN ROLE gaugeway_tenant`);
    expect(await postgres.raiseWall()).toBe('on');
    await cluster.administer('REVOKE gaugeway_tenant FROM product');
    for (const refusal of await seenBy(postgres, 'a')) {
      expect(refusal).toMatch(/permission denied to set role/);
    }
    expect(await seenBy(postgres, undefined)).toEqual(['a,b']);
    await cluster.administer(grant);
    expect(await seenBy(postgres, 'a')).toEqual(['a']);
  });
});

it('of several installations on one server none may connect to another, where that is revoked', async () => {
  const cluster = await startCluster(stage, undefined);
  const postgres = await open(cluster, 'CREATEROLE');
  expect(await postgres.raiseWall()).toBe('on');
  await cluster.administer(
    'CREATE ROLE neighbour LOGIN IN ROLE gaugeway_tenant',
    'REVOKE CONNECT ON DATABASE own FROM PUBLIC',
  );
  const neighbour = connect(cluster.urlOf('neighbour', 'own'));
  await expect(neighbour.knex.raw('SELECT 1')).rejects.toThrow(/permission denied for database/);
  const anew = connect(cluster.urlOf('product', 'own'));
  expect(await anew.raiseWall()).toBe('on');
  expect(await seenBy(anew, 'a')).toEqual(['a']);
});

describe('managed by the product', () => {
  it('is used by a role that is no superuser, passes by no policy and makes no roles', async () => {
    const dataDir = stage.directory();
    const server = await startPostgres({ dataDir, log: silentLogger, throwaway: true });
    stage.onEnd(() => server.stop());
    const postgres = await furnish(connect(server.url));
    const { rows } = await postgres.knex.raw<{ rows: object[] }>(
      'SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user',
    );
    expect(rows).toEqual([{ rolsuper: false, rolbypassrls: false, rolcreaterole: false }]);
    expect(await postgres.raiseWall()).toBe('on');
    expect(await seenBy(postgres, 'a')).toEqual(['a']);
  });

  it('gets the role of tenants where its data was made before there was one', async () => {
    const dataDir = stage.directory();
    const first = await startPostgres({ dataDir, log: silentLogger, throwaway: true });
    await first.stop();
    const data = join(dataDir, 'cluster');
    const server = join(findPostgres(undefined, dataDir).bin, 'postgres');
    const { privileges } = chooseRunAs(data, [data, server]);
    execFileSync('setpriv', [...privileges, '--', server, '--single', '-D', data, 'postgres'], {
      ...{ cwd: '/', stdio: 'pipe', input: 'DROP ROLE gaugeway_tenant\n' },
    });
    rmSync(join(dataDir, 'tenant-role'));

    const second = await startPostgres({ dataDir, log: silentLogger, throwaway: true });
    stage.onEnd(() => second.stop());
    const postgres = await furnish(connect(second.url));
    expect(await postgres.raiseWall()).toBe('on');
    expect(await seenBy(postgres, 'a')).toEqual(['a']);
  });
});
