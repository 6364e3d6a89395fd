import { messageOf } from '../platform/index.ts';
import type { ReadTier, SeriesReader } from '../query/index.ts';
import { tierSpecs } from '../retention/index.ts';
import { createDownsampleMarks, type Postgres } from '../storage/postgres/index.ts';
import {
  createSpreadReader,
  createVictoriaClient,
  createVictoriaReader,
  type VictoriaClient,
} from '../storage/victoria/index.ts';
import type { Foundation } from './compose.ts';
import { placedBy, rawTargets } from './zones.ts';

/** Largest answer of storage that is passed on. */
export const maxAnswerBytes = 64 * 1024 * 1024;
/** How late this process may hear that a tier was filled further. */
const lookMs = 15_000;
const connections = 16;

/** What questions are answered from, finest first. */
export function readTiers(
  foundation: Foundation,
  { knex }: Postgres,
  raw: VictoriaClient,
): readonly ReadTier[] {
  const { backends, lifecycle, loaded } = foundation;
  const { retention } = loaded.config;
  const labels = placedBy(foundation);
  const first: ReadTier = {
    ...{ name: 'raw', stepMs: 0, reader: rawReader(foundation, raw) },
    ...{ keptMs: () => retention.raw, filledUntilMs: () => Infinity },
    ...(labels ? { placedBy: labels } : {}),
  };
  const specs = tierSpecs.filter(({ tier }) => backends.victoria[tier]);
  if (specs.length === 0) return [first];
  const filledUntilMs = followMarks(foundation, () => createDownsampleMarks(knex).all());
  return [
    first,
    ...specs.map(({ tier, stepMs }): ReadTier => {
      const client = createVictoriaClient(backends.victoria[tier]!, {
        connections,
        maxAnswerBytes,
      });
      lifecycle.onStop(`VictoriaMetrics client (reads, ${tier})`, () => client.close());
      return {
        ...{ name: tier, stepMs, reader: createVictoriaReader(client) },
        keptMs: () => retention[tier],
        filledUntilMs: (tenantId) => filledUntilMs(tenantId, tier),
      };
    }),
  ];
}

/** All zones as one; what is asked in any order is answered together. */
export function rawReader(foundation: Foundation, first: VictoriaClient): SeriesReader {
  const [, ...zones] = rawTargets(foundation);
  if (zones.length === 0) return createVictoriaReader(first);
  const clients = zones.map((target) =>
    createVictoriaClient(target, { connections, maxAnswerBytes }),
  );
  foundation.lifecycle.onStop('VictoriaMetrics clients (reads, zones)', async () => {
    await Promise.all(clients.map((client) => client.close()));
  });
  return createSpreadReader([first, ...clients].map(createVictoriaReader));
}

interface Mark {
  tenantId: string;
  tier: string;
  doneUntilMs: number;
}

/** Where each tier stands, as last read; the epoch where nothing was filled yet. */
function followMarks(
  { lifecycle, log }: Foundation,
  read: () => Promise<readonly Mark[]>,
): (tenantId: string, tier: string) => number {
  let marks = new Map<string, number>();
  const keyOf = (tenantId: string, tier: string): string => `${tier}\0${tenantId}`;
  const look = (): Promise<void> =>
    read().then(
      (rows) => {
        marks = new Map(rows.map((row) => [keyOf(row.tenantId, row.tier), row.doneUntilMs]));
      },
      (error: unknown) => {
        log.child('query').warn('marks of tiers not read', { error: messageOf(error) });
      },
    );
  void look();
  const timer = setInterval(() => void look(), lookMs).unref();
  lifecycle.onStop('marks of tiers', () => {
    clearInterval(timer);
    return Promise.resolve();
  });
  return (tenantId, tier) => marks.get(keyOf(tenantId, tier)) ?? 0;
}
