import type { Knex } from 'knex';
import type { Meters } from '../../platform/index.ts';

interface QueryEvent {
  __knexQueryUid: string;
}

/** Queries under way; beyond it the oldest is forgotten, since one ended by `.timeout()` never reports its end. */
const maxOpen = 1_000;

/** `db_query_duration_seconds` (PRP §14.1) from knex's events. */
export function observeQueries(knex: Knex, meters: Meters): void {
  const seconds = meters.histogram({
    name: 'db_query_duration_seconds',
    help: 'Time of queries to Postgres, in seconds.',
    labelNames: ['outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  });
  const begun = new Map<string, number>();
  const end = (outcome: 'ok' | 'error', uid: string): void => {
    const startedMs = begun.get(uid);
    if (startedMs === undefined) return;
    begun.delete(uid);
    seconds.observe({ outcome }, (performance.now() - startedMs) / 1_000);
  };
  knex.on('query', ({ __knexQueryUid: uid }: QueryEvent) => {
    const oldest = begun.size >= maxOpen ? begun.keys().next().value : undefined;
    if (oldest !== undefined) begun.delete(oldest);
    begun.set(uid, performance.now());
  });
  knex.on('query-response', (_rows: unknown, { __knexQueryUid: uid }: QueryEvent) => {
    end('ok', uid);
  });
  knex.on('query-error', (_error: unknown, { __knexQueryUid: uid }: QueryEvent) => {
    end('error', uid);
  });
}
