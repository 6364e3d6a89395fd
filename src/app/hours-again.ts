import { join } from 'node:path';
import { managedPostgresUrl } from '../managed/index.ts';
import {
  createMeters,
  GaugewayError,
  silentLogger,
  sleep,
  type LoadedConfig,
} from '../platform/index.ts';
import { sliceMs } from '../retention/index.ts';
import { createPostgres, createSliceRequests } from '../storage/postgres/index.ts';
import { closedAfterMs } from './tiers.ts';

export interface AskedHours {
  fromMs: number;
  toMs: number;
  tenantId?: string | undefined;
  /** Stay until workers have done it. */
  wait: boolean;
  /** Hours of a tenant in one tier. */
  tell: (done: number, of: number) => void;
}

const lookEveryMs = 500;

/**
 * Asks the workers for hours that are over once more, and says how many hours of tenants in tiers that is. BAD_REQUEST
 * where none can be done: too new, raw samples gone, no worker has begun a tier of that tenant, no database named.
 */
export async function askForHours(loaded: LoadedConfig, asked: AskedHours): Promise<number> {
  const { config, secrets } = loaded;
  const url = secrets.databaseUrl ?? managedPostgresUrl(join(config.dataDir, 'postgres'));
  if (url === undefined) {
    throw new GaugewayError(
      'BAD_REQUEST',
      'GAUGEWAY_DATABASE_URL is not set, and no server manages a database here.',
    );
  }
  const hours = { ...rangeOf(loaded, asked, Date.now()), tenantId: asked.tenantId };
  const postgres = createPostgres({
    ...{ url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  try {
    const requests = createSliceRequests(postgres.knex);
    const total = await requests.ask(hours, Date.now());
    if (total === 0) {
      throw new GaugewayError(
        'BAD_REQUEST',
        'No tier of that tenant was begun: run a worker with the VictoriaMetrics of a tier.',
      );
    }
    while (asked.wait) {
      const left = await requests.left(hours);
      asked.tell(total - left, total);
      if (left === 0) break;
      await sleep(lookEveryMs);
    }
    return total;
  } finally {
    await postgres.close();
  }
}

/** Whole hours that are over and whose raw samples are all still there. */
function rangeOf({ config }: LoadedConfig, { fromMs, toMs }: AskedHours, nowMs: number) {
  const oldestMs = nowMs - config.retention.raw;
  const closedMs = nowMs - closedAfterMs(config.ingest.timestampPast);
  const firstMs = Math.max(
    Math.floor(fromMs / sliceMs) * sliceMs,
    Math.ceil(oldestMs / sliceMs) * sliceMs,
  );
  const endMs = Math.min(
    Math.ceil(toMs / sliceMs) * sliceMs,
    Math.floor(closedMs / sliceMs) * sliceMs,
  );
  if (firstMs >= endMs) {
    throw new GaugewayError(
      'BAD_REQUEST',
      'No hour between --from and --to is over and still has its raw samples.',
    );
  }
  return { firstMs, lastMs: endMs - sliceMs };
}
