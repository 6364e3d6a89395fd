import type { EventEmitter } from 'node:events';
import knexModule, { type Knex } from 'knex';
import type { Logger, Meters } from '../../platform/index.ts';
import { alone } from './alone.ts';
import { observePool } from './pool-meter.ts';
import { observeQueries } from './query-meter.ts';
import { raiseSecondWall, type SecondWall } from './second-wall.ts';
import { boundByTenant, type Connection } from './tenant-connection.ts';

export interface PostgresConfig {
  /** `postgres://…`; a Unix socket as `postgres://user:password@/db?host=/dir`. */
  url: string;
  poolSize: number;
  log: Logger;
  meters: Meters;
}

export interface Postgres {
  readonly knex: Knex;
  /** Rejects when the database does not answer within two seconds. */
  ping(): Promise<void>;
  /** From then on work for one tenant (`ofTenant`) is bound by row-level security, where that can be had. */
  raiseWall(): Promise<SecondWall>;
  close(): Promise<void>;
}

/** What pg and tarn allow before they give up; a dead database must show within seconds, milliseconds. */
const connectTimeoutMs = 3_000;
const pingTimeoutMs = 2_000;
const statementTimeoutMs = 30_000;

/** Opens no connection yet: the first query does. */
export function createPostgres({ url, poolSize, log, meters }: PostgresConfig): Postgres {
  const postgresLog = log.child('postgres');
  let isWalled = false;
  const knex = knexModule({
    client: 'pg',
    connection: {
      connectionString: url,
      application_name: 'gaugeway',
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      // A server that stopped without closing its connections would otherwise hold the query for ever.
      query_timeout: statementTimeoutMs + 1_000,
      keepAlive: true,
    },
    pool: {
      min: 0,
      max: poolSize,
      afterCreate(
        connection: EventEmitter & Connection,
        done: (error: Error | null, connection: EventEmitter) => void,
      ) {
        boundByTenant(connection, () => isWalled);
        // pg emits this for a connection that breaks while idle; unheard, it ends the process.
        connection.on('error', (error: Error) => {
          postgresLog.warn('idle connection lost', { error: error.message });
        });
        done(null, connection);
      },
    },
    acquireConnectionTimeout: connectTimeoutMs + 1_000,
    log: {
      warn: (message: unknown) => postgresLog.warn('knex warning', { detail: String(message) }),
      error: (message: unknown) => postgresLog.error('knex error', { detail: String(message) }),
      deprecate: () => undefined,
      debug: () => undefined,
    },
  });
  observeQueries(knex, meters);
  observePool(knex, poolSize, meters);
  return {
    knex,
    async ping() {
      await knex.raw('select 1').timeout(pingTimeoutMs, { cancel: true });
    },
    async raiseWall() {
      const state = await alone(knex, () => raiseSecondWall(knex));
      isWalled = state === 'on';
      return state;
    },
    close: () => knex.destroy(),
  };
}
