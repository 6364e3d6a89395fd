import { createMeters, silentLogger } from '../../src/platform/index.ts';
import { createPostgres, type Postgres } from '../../src/storage/postgres/index.ts';
import type { Product, Stage } from './stage.ts';

/** The product's database, for what no endpoint does. */
export function databaseOf(stage: Stage, product: Product): Postgres['knex'] {
  const postgres = createPostgres({
    ...{ url: product.postgres.url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  stage.onEnd(() => postgres.close());
  return postgres.knex;
}
