import {
  createMeters,
  GaugewayError,
  silentLogger,
  type LoadedConfig,
  type Logger,
  type Meters,
} from '../platform/index.ts';
import { createPostgres, migrateUp, type Postgres } from '../storage/postgres/index.ts';

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
    return postgres;
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

/** `gaugeway migrate`: the names of the migrations that were applied. */
export async function migrate(loaded: LoadedConfig, migrationsDir: string): Promise<string[]> {
  const { config, secrets } = loaded;
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
    return await migrateUp(postgres, { directory: migrationsDir });
  } finally {
    await postgres.close();
  }
}
