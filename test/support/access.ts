import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAccess, type Access, type TenantPolicy } from '../../src/access/index.ts';
import { accessRoutes, type ResetMail, type Route } from '../../src/http/index.ts';
import { createAllowances, createRateCounter } from '../../src/limits/index.ts';
import { startPostgres, type ManagedPostgres } from '../../src/managed/index.ts';
import { createMeters, silentLogger, type Clock } from '../../src/platform/index.ts';
import {
  createApiKeyStore,
  createAuditStore,
  createChangeFeed,
  createPostgres,
  createRateWindowStore,
  createPasswordResetStore,
  createSessionStore,
  createTenantStore,
  createUserStore,
  migrateUp,
  type ChangeFeed,
  type Postgres,
} from '../../src/storage/postgres/index.ts';

export const migrations = join(import.meta.dirname, '../../migrations');

export interface TestDatabase {
  server: ManagedPostgres;
  postgres: Postgres;
  /** Another pool on the same database, as another process would have. */
  connect(): Postgres;
  stop(): Promise<void>;
}

/** A Postgres of its own in a temporary directory, empty unless `migrated`. */
export async function startDatabase(options: { migrated: boolean }): Promise<TestDatabase> {
  const dir = await mkdtemp(join(tmpdir(), 'gaugeway-pg-'));
  const server = await startPostgres({ dataDir: dir, log: silentLogger, throwaway: true });
  const pools: Postgres[] = [];
  const connect = (): Postgres => {
    const pool = createPostgres({
      ...{ url: server.url, poolSize: 5, log: silentLogger, meters: createMeters() },
    });
    pools.push(pool);
    return pool;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(pools.map((pool) => pool.close()));
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
  const postgres = connect();
  try {
    if (options.migrated) await migrateUp(postgres, { directory: migrations });
  } catch (error) {
    await stop();
    throw error;
  }
  return { server, postgres, connect, stop };
}

export const testPolicy: TenantPolicy = {
  samplesPerSecond: 1_000,
  burstSamples: 10_000,
  maxActiveSeries: 1_000,
  timestampPastMs: 3_600_000,
  timestampFutureMs: 300_000,
  maxHosts: 3,
  maxMetricNames: 10_000,
  maxLabels: 30,
  maxLabelNameBytes: 256,
  maxLabelValueBytes: 1_024,
};

/** Starts at the real time and moves by hand. */
export function createHandClock(): Clock & { advance(ms: number): void } {
  let offset = 0;
  return {
    nowMs: () => Date.now() + offset,
    monotonicMs: () => performance.now() + offset,
    advance: (ms) => {
      offset += ms;
    },
  };
}

export interface TestAccess {
  access: Access;
  feed: ChangeFeed;
  close(): Promise<void>;
}

const none = { reads: 0, writes: 0 };
const unlimited = { Viewer: none, Operator: none, Admin: none };

export const signingKey = Buffer.alloc(32, 7);

/** Access as one process has it; cheap password hashes. */
export async function startAccess(postgres: Postgres, clock: Clock): Promise<TestAccess> {
  const { knex } = postgres;
  const log = silentLogger;
  const feed = createChangeFeed({ knex, clock, log, intervalMs: 50 });
  const allowances = createAllowances({
    counter: createRateCounter({
      ...{ store: createRateWindowStore(knex), clock, log, meters: createMeters() },
    }),
    config: { roles: unlimited, key: 0, login: 10, address: 0 },
    clock,
  });
  const access = createAccess({
    stores: {
      users: createUserStore(knex),
      passwordResets: createPasswordResetStore(knex),
      sessions: createSessionStore(knex),
      keys: createApiKeyStore(knex),
      tenants: createTenantStore(knex),
      audit: createAuditStore(knex),
    },
    changes: feed,
    ...{ signingKey, clock, log, defaultPolicy: testPolicy },
    loginThrottle: { attempt: (account, address) => allowances.login(account, address) },
    passwordOptions: { cost: 4, concurrency: 2, maxWaiting: 100 },
  });
  await feed.start();
  await access.start();
  return {
    access,
    feed,
    async close() {
      await feed.stop();
      await access.close();
    },
  };
}

/** Of the room access; without `mail` there is no mail server. */
export const routesOf = (
  access: Access,
  mail: (message: ResetMail) => Promise<boolean> = () => Promise.resolve(false),
): Route[] => accessRoutes({ ...access, publicUrl: 'https://g.example', mail });
