import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf, systemClock } from '../platform/index.ts';
import {
  createAsk,
  createRuler,
  createRuleSets,
  resolveChannels,
  type Ruler,
  type RuleSets,
} from '../ruler/index.ts';
import {
  createAlertStore,
  createGroupLeases,
  createInnerSources,
  createRuleReader,
  readChannelNames,
  type Postgres,
} from '../storage/postgres/index.ts';
import {
  createSeriesWriter,
  createVictoriaClient,
  createVictoriaReader,
} from '../storage/victoria/index.ts';
import { createDecodeKernel } from '../wire/index.ts';
import type { Foundation } from './compose.ts';
import type { People } from './people.ts';

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
  { changes }: Pick<People, 'changes'>,
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
    log,
  });
  // Unique for each start: a process that comes back must not find itself holding an old epoch.
  const holder = `${hostname()}:${process.pid}:${randomUUID()}`;
  const ask = createAsk(createVictoriaReader(client), {
    timeoutMs: config.queryTimeout,
    maxRows: config.maxRows,
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
    channelsOf: await channelNames(postgres, changes),
    terms: {
      repeatMs: config.repeatInterval,
      outageToleranceMs: config.outageTolerance,
      externalLabels: new Map(),
      externalUrl: publicUrl ?? '',
    },
    newId: randomUUID,
    clock: systemClock,
    meters,
    log,
    config: { leaseTtlMs: config.leaseTtl, concurrency: config.concurrency },
  });
  await ruler.start();
  lifecycle.onStop('ruler', () => ruler.stop());
  return { ruler, sets };
}

/** The tenants' own channels, as they are now. */
async function channelNames({ knex }: Postgres, changes: People['changes']) {
  let own = await readChannelNames(knex);
  changes.on('channels', async () => {
    own = await readChannelNames(knex);
  });
  return (tenantId: string, names: readonly string[]) =>
    resolveChannels(
      names,
      own.filter((channel) => channel.tenantId === tenantId),
    );
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
