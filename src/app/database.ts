import {
  createMeters,
  GaugewayError,
  silentLogger,
  type LoadedConfig,
  type Logger,
  type Meters,
} from '../platform/index.ts';
import {
  createPostgres,
  migrateTo,
  migrateUp,
  migrationState,
  secondWall,
  type Migrated,
  type MigrationState,
  type Postgres,
  type SecondWall,
} from '../storage/postgres/index.ts';

interface DatabaseOptions {
  url: string;
  poolSize: number;
  migrationsDir: string;
  log: Logger;
  meters: Meters;
}

/** Connects, and brings the schema to this version; several processes may start at once. */
export async function openDatabase(options: DatabaseOptions): Promise<Postgres> {
  const { url, poolSize, log, meters } = options;
  const postgres = createPostgres({ url, poolSize, log, meters });
  try {
    const applied = await migrateUp(postgres, { directory: options.migrationsDir });
    if (applied.length > 0) log.info('database migrated', { applied });
    const wall = await postgres.raiseWall();
    if (wall !== 'on') log.warn('no second wall between tenants: see docs/tenants.md', { wall });
    return postgres;
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

/** What `gaugeway migrate` and `gaugeway doctor` do with the database that the configuration names. */
export interface Schema {
  state: () => Promise<MigrationState>;
  /** Whether row-level security can hold the product back (docs/tenants.md). */
  wall: () => Promise<SecondWall>;
  up: () => Promise<string[]>;
  /** Applies or takes back until this one is the last. */
  to: (last: string) => Promise<Migrated>;
}

/** The schema for as long as the work takes. BAD_REQUEST where no database is named. */
export async function withSchema<T>(
  { config, secrets }: LoadedConfig,
  directory: string,
  work: (schema: Schema) => Promise<T>,
): Promise<T> {
  if (secrets.databaseUrl === undefined) {
    throw new GaugewayError(
      'BAD_REQUEST',
      'GAUGEWAY_DATABASE_URL is not set; the database that `gaugeway up` manages is migrated at its start.',
    );
  }
  const postgres = createPostgres({
    url: secrets.databaseUrl,
    poolSize: config.database.poolSize,
    log: silentLogger,
    meters: createMeters(),
  });
  try {
    return await work({
      state: () => migrationState(postgres, { directory }),
      wall: () => secondWall(postgres.knex),
      async up() {
        const applied = await migrateUp(postgres, { directory });
        await postgres.raiseWall();
        return applied;
      },
      to: (last) => migrateTo(postgres, { directory, last }),
    });
  } finally {
    await postgres.close();
  }
}
