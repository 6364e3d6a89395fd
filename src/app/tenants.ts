import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { tenantLifeRoutes, type Route } from '../http/index.ts';
import type { Ingest, IngestOutcome } from '../ingest/index.ts';
import { systemClock } from '../platform/index.ts';
import type { SeriesReader } from '../query/index.ts';
import type { BlobStore } from '../reports/index.ts';
import { createRemovalStore, createUsageStore, type Postgres } from '../storage/postgres/index.ts';
import { createTenantSeries, createVictoriaClient } from '../storage/victoria/index.ts';
import {
  createRemovals,
  createRemovalWorker,
  createUsage,
  type TenantLoad,
  type Usage,
} from '../tenants/index.ts';
import type { Foundation } from './compose.ts';
import type { Gateway } from './gateway.ts';
import type { People } from './people.ts';
import { rawTargets } from './zones.ts';

const lookMs = 2_000;
/** Beyond the journal's own time: other processes hear of it a second late, and their last batches are on their way. */
const marginMs = 5_000;

export interface TenantUsage {
  usage: Usage;
  /** The gateway whose series are counted. */
  watch: (gateway: Gateway) => Gateway;
  /** Counts what is asked of storage by the tenant in its arguments. */
  counted: (reader: SeriesReader) => SeriesReader;
}

/** What tenants use in this process, saved to what they use in all. */
export function startUsage(
  { lifecycle, log, meters }: Foundation,
  { knex }: Postgres,
  { access }: People,
): TenantUsage {
  let loads: () => readonly TenantLoad[] = () => [];
  const usage = createUsage({
    store: createUsageStore(knex),
    limitsOf: (tenantId) => access.tenants.policyOf(tenantId),
    loads: () => loads(),
    ...{ clock: systemClock, log, meters },
  });
  usage.start();
  lifecycle.onStop('usage of tenants', () => usage.stop());
  return {
    usage,
    watch(gateway) {
      loads = () => gateway.ingest.loads();
      return { ...gateway, ingest: countedIngest(gateway.ingest, usage) };
    },
    counted: (reader) => ({
      async read(read, args, options) {
        const outcome = await reader.read(read, args, options);
        const tenantId = args.get('extra_label')?.replace(/^[^=]*=/, '');
        if (tenantId) usage.asked(tenantId, outcome.ok ? outcome.body.length : 0);
        return outcome;
      },
    }),
  };
}

function countedIngest(ingest: Ingest, usage: Usage): Ingest {
  return {
    ...ingest,
    async write(sender, version, chunks) {
      const outcome = await ingest.write(sender, version, chunks);
      const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
      usage.wrote(sender.tenantId, { ...countsOf(outcome), bytes });
      return outcome;
    },
    async json(sender, batch) {
      const done = await ingest.json(sender, batch);
      const { refused, samples } = countsOf(done.outcome);
      const unreadable = done.answer.errors.length;
      // Bodies in JSON are counted as the samples that they are, at eight bytes each.
      const bytes = (samples + refused) * 8;
      usage.wrote(sender.tenantId, { samples, refused: refused + unreadable, bytes });
      return done;
    },
  };
}

function countsOf(outcome: IngestOutcome): { samples: number; refused: number } {
  if (outcome.kind !== 'accepted' && outcome.kind !== 'partial' && outcome.kind !== 'over_budget') {
    return { samples: 0, refused: 0 };
  }
  // A repeat was counted when it came first; of an HA pair one replica counts.
  const isNew = outcome.kind !== 'accepted' || outcome.note === undefined;
  const { samples, histograms, exemplars } = outcome.written;
  const refused = outcome.kind === 'partial' ? [...outcome.refused.values()] : [];
  return {
    samples: isNew ? samples + histograms + exemplars : 0,
    refused: refused.reduce((sum, count) => sum + count, 0),
  };
}

/** Of the role `api`. */
export function tenantsApi({ knex }: Postgres, { access }: People, usage: Usage): readonly Route[] {
  const { tenants } = access;
  const removals = createRemovals({ store: createRemovalStore(knex), tenants, clock: systemClock });
  return tenantLifeRoutes({ tenants, removals, usage, clock: systemClock });
}

/** For the role `worker`: deletes the tenants whose deletion was ordered. */
export function startRemovals(
  { backends, lifecycle, loaded, log, meters }: Foundation,
  { knex }: Postgres,
  blobs: BlobStore,
): void {
  const { journal } = loaded.config.forward;
  const { '1m': oneMinute, '5m': fiveMinutes } = backends.victoria;
  const tiers = [oneMinute, fiveMinutes].filter((target) => target !== undefined);
  const targets = [...rawTargets({ backends, loaded }), ...tiers];
  const clients = targets.map((target) => createVictoriaClient(target, { connections: 2 }));
  const worker = createRemovalWorker({
    store: createRemovalStore(knex),
    series: createTenantSeries(clients),
    files: blobs,
    holder: `${hostname()}:${process.pid}:${randomUUID()}`,
    settleMs: journal.confirmAfter + marginMs,
    ...{ lookMs, clock: systemClock, log, meters },
  });
  worker.start();
  lifecycle.onStop('deletion of tenants', async () => {
    await worker.stop();
    await Promise.all(clients.map((client) => client.close()));
  });
}
