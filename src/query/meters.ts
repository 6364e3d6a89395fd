import type { Meters } from '../platform/index.ts';

export interface QueryMeters {
  cache(result: 'hit' | 'shared' | 'miss'): void;
  /** One question to storage, seconds. */
  storage(endpoint: string, result: string, seconds: number): void;
  refused(reason: 'busy'): void;
}

export function createQueryMeters(meters: Meters): QueryMeters {
  const cache = meters.counter({
    name: 'gaugeway_query_cache_requests_total',
    help: 'Queries by where their answer came from: hit, shared (joined one underway), miss.',
    labelNames: ['result'],
  });
  for (const result of ['hit', 'shared', 'miss']) cache.inc({ result }, 0);
  const storage = meters.histogram({
    name: 'gaugeway_query_storage_seconds',
    help: 'Time that storage took to answer a question.',
    labelNames: ['endpoint', 'result'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  });
  const refused = meters.counter({
    name: 'gaugeway_query_refused_total',
    help: 'Queries refused before they reached storage.',
    labelNames: ['reason'],
  });
  refused.inc({ reason: 'busy' }, 0);
  return {
    cache: (result) => cache.inc({ result }),
    storage: (endpoint, result, seconds) => storage.observe({ endpoint, result }, seconds),
    refused: (reason) => refused.inc({ reason }),
  };
}
