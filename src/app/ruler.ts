import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Channels } from '../notify/index.ts';
import { messageOf, systemClock } from '../platform/index.ts';
import {
  createAsk,
  createRuler,
  createRuleSets,
  type Ruler,
  type RuleSets,
} from '../ruler/index.ts';
import {
  createAlertStore,
  createGroupLeases,
  createInnerSources,
  createRuleReader,
  type Postgres,
} from '../storage/postgres/index.ts';
import { createSeriesWriter, createVictoriaClient } from '../storage/victoria/index.ts';
import { createDecodeKernel } from '../wire/index.ts';
import type { Foundation } from './compose.ts';
import { rawReader } from './read-tiers.ts';
import { placedBy } from './zones.ts';

/** Largest answer of storage to one rule. */
const maxAnswerBytes = 64 * 1024 * 1024;
/** Largest request with what rules came to; some 100,000 series. */
const maxWriteBytes = 32 * 1024 * 1024;
const firstTenant = 'default';

export interface Rulers {
  ruler: Ruler;
  sets: RuleSets;
}

/** The role `ruler`: from rules to states, incidents and the outbox. */
export async function startRuler(
  foundation: Foundation,
  postgres: Postgres,
  channels: Pick<Channels, 'namesFor'>,
  isServed: (tenantId: string) => boolean,
): Promise<Rulers> {
  const { loaded, lifecycle, meters, backends } = foundation;
  const { alerts: config, rulesDir, publicUrl } = loaded.config;
  const log = foundation.log.child('ruler');
  const client = createVictoriaClient(backends.victoria.raw, {
    maxAnswerBytes,
    connections: config.concurrency + 2,
  });
  lifecycle.onStop('VictoriaMetrics client (rules)', () => client.close());
  const sets = createRuleSets({
    folder: rulesDir,
    firstTenant,
    defaults: { intervalMs: config.interval, queryOffsetMs: config.queryOffset },
    apiRules: createRuleReader(postgres.knex),
    inner: createInnerSources(postgres.knex),
    clock: systemClock,
    log,
  });
  // Unique for each start: a process that comes back must not find itself holding an old epoch.
  const holder = `${hostname()}:${process.pid}:${randomUUID()}`;
  const labels = placedBy(foundation);
  const ask = createAsk(rawReader(foundation, client), {
    ...{ timeoutMs: config.queryTimeout, maxRows: config.maxRows },
    ...(labels ? { placedBy: labels } : {}),
  });
  const ruler = createRuler({
    sets,
    store: {
      ...createGroupLeases(postgres.knex, holder),
      ...createAlertStore(postgres.knex),
    },
    ask,
    write: writer(client, (message) =>
      log.warn('results of rules not written', { error: message }),
    ),
    channelsOf: (tenantId, names) => channels.namesFor(tenantId, names),
    terms: {
      repeatMs: config.repeatInterval,
      outageToleranceMs: config.outageTolerance,
      externalLabels: new Map(),
      externalUrl: publicUrl ?? '',
    },
    newId: randomUUID,
    clock: systemClock,
    ...{ meters, log, isServed },
    config: { leaseTtlMs: config.leaseTtl, concurrency: config.concurrency },
  });
  await ruler.start();
  lifecycle.onStop('ruler', () => ruler.stop());
  return { ruler, sets };
}

function writer(
  client: ReturnType<typeof createVictoriaClient>,
  onFailure: (message: string) => void,
) {
  const series = createSeriesWriter(client);
  const kernel = createDecodeKernel({
    maxDecodedBytes: maxWriteBytes,
    maxSeries: 16,
    maxKnownSeries: 16,
  });
  return async (tenantId: string, body: Buffer, { isVisible }: { isVisible: boolean }) => {
    try {
      const answer = await series.write([['tenant', tenantId]], kernel.compress(body));
      if (answer.kind !== 'written') onFailure(answer.message);
      else if (isVisible) await series.makeVisible();
      return answer.kind === 'written';
    } catch (error) {
      onFailure(messageOf(error));
      return false;
    }
  };
}
