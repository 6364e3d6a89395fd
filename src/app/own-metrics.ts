import { hostname } from 'node:os';
import { defaultTenantId } from '../access/index.ts';
import type { Forward } from '../forward/index.ts';
import { createOwnMetrics, type WriteOwn } from '../observe/index.ts';
import { systemClock } from '../platform/index.ts';
import { createMetadataStore, type Postgres } from '../storage/postgres/index.ts';
import { createSeriesWriter, createVictoriaClient } from '../storage/victoria/index.ts';
import { createDecodeKernel, type Label } from '../wire/index.ts';
import type { Foundation } from './compose.ts';
import { everyRole } from './roles.ts';

/** Some 2,000 series of a registry are a tenth of it. */
const maxWriteBytes = 4 * 1024 * 1024;
const stopMs = 5_000;
const leastIntervalMs = 1_000;
const labels: readonly Label[] = [['tenant', defaultTenantId]];

interface Parts {
  postgres: Postgres;
  /** Of the role `gateway`: its journal keeps own metrics like all others. */
  forward: Forward | undefined;
  /** Where this process listens. */
  url: string;
}

/**
 * What this process measures of itself goes to storage for the tenant `default`, past the gates of senders: it is
 * nobody's post, spends no budget, and an answer that nobody waits for cannot come back as more work.
 */
export function startOwnMetrics(foundation: Foundation, { postgres, forward, url }: Parts): void {
  const { lifecycle, loaded, log, meters, roles, version } = foundation;
  const { observe } = loaded.config;
  if (!observe.own) return;
  const metadata = createMetadataStore(postgres.knex);
  const own = createOwnMetrics({
    meters,
    target: {
      job: 'gaugeway',
      instance: observe.instance ?? hostname() + (/:\d+$/.exec(url)?.[0] ?? ''),
      role: roles.size === everyRole.size ? 'all' : [...roles].sort().join(),
    },
    versions: { version, node: process.version },
    intervalMs: Math.max(leastIntervalMs, observe.interval),
    write: forward ? throughForward(forward) : straight(foundation),
    describe: (families) =>
      metadata.upsert(
        families.map(({ name, help, type }) => ({
          ...{ tenantId: defaultTenantId, metric: name, type, help, unit: '' },
        })),
      ),
    clock: systemClock,
    log: log.child('observe'),
  });
  own.start();
  lifecycle.onStop('own metrics', () => own.stop(), stopMs);
}

function throughForward(forward: Forward): WriteOwn {
  const compress = compressor();
  return async ({ body, samples }) => {
    const block = compress(body);
    const batch = { labels, body: [block], bytes: block.length, samples };
    return (await forward.accept(batch)).kind === 'accepted';
  };
}

/** Without a gateway in the process: one try, as everything that is not kept in a journal. */
function straight({ backends, lifecycle }: Foundation): WriteOwn {
  const client = createVictoriaClient(backends.victoria.raw);
  lifecycle.onStop('VictoriaMetrics client (own metrics)', () => client.close());
  const writer = createSeriesWriter(client);
  const compress = compressor();
  return async ({ body }) => {
    const { kind } = await writer.write(labels, compress(body));
    if (kind === 'written') await writer.makeVisible();
    return kind === 'written';
  };
}

function compressor(): (body: Buffer) => Buffer {
  const kernel = createDecodeKernel({
    maxDecodedBytes: maxWriteBytes,
    maxSeries: 16,
    maxKnownSeries: 16,
  });
  return (body) => kernel.compress(body);
}
