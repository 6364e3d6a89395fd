import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMeters, silentLogger } from '../../src/platform/index.ts';
import { createPostgres } from '../../src/storage/postgres/index.ts';
import { createSeriesWriter, createVictoriaClient } from '../../src/storage/victoria/index.ts';
import { encodeWriteRequest } from '../../src/wire/index.ts';
import { snappy } from '../support/snappy.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';
import { hourMs, startTier, tierEnvironment } from '../support/tiers.ts';

const stage = new Stage();
type Storage = Awaited<ReturnType<typeof startStorage>>;
let raw: Storage;
let environment: Record<string, string>;
beforeAll(async () => {
  raw = await startStorage(stage);
  const [one, five] = [await startTier(stage, '1m'), await startTier(stage, '5m')];
  environment = {
    ...raw.env,
    ...tierEnvironment('1m', one.target),
    ...tierEnvironment('5m', five.target),
    GAUGEWAY_INGEST_TIMESTAMP_PAST: '1m',
    GAUGEWAY_DOWNSAMPLE_INTERVAL: '200ms',
    GAUGEWAY_DOWNSAMPLE_CONFIRM_AFTER: '1s',
  };
}, 120_000);
afterAll(() => stage.end(), 60_000);

/** Samples from four days ago until two and a half, over the border of a raw retention of three days. */
const lastMs = Math.floor(Date.now() / hourMs) * hourMs - 60 * hourMs;
const hours = 36;

async function fill(): Promise<void> {
  const client = createVictoriaClient(raw.target);
  const writer = createSeriesWriter(client);
  let count = 0;
  const times = Array.from({ length: hours * 360 }, (_, i) => lastMs - i * 10_000).reverse();
  const of = (valueOf: (at: number) => number) =>
    times.map((timestampMs, at) => ({ timestampMs, value: valueOf(at) }));
  for (const [name, samples] of [
    ['level', of((at) => 40 + 30 * Math.sin(at / 500) + (at % 7))],
    ['work_total', of((at) => (count = at % 5_000 === 4_999 ? 0 : count + (at % 5)))],
  ] as const) {
    const labels = [
      ['__name__', name],
      ['host_id', 'a'],
    ] as const;
    await writer.write([['tenant', 'default']], snappy(encodeWriteRequest([{ labels, samples }])));
  }
  await writer.makeVisible();
  await client.close();
}

interface Answered {
  resolution: string | null;
  values: [number, string][];
  warnings?: string[];
}

async function ask({ url, readKey }: Product, query: string): Promise<Answered> {
  const startMs = lastMs - (hours - 1) * hourMs;
  const args = new URLSearchParams({
    ...{ query, step: '1800' },
    ...{ start: String(startMs / 1_000), end: String(lastMs / 1_000) },
  });
  const headers = { authorization: `Bearer ${readKey}` };
  const answer = await fetch(`${url}/api/v1/query_range?${args.toString()}`, { headers });
  expect(answer.status).toBe(200);
  const { data, warnings } = (await answer.json()) as {
    data: { result: { values: [number, string][] }[] };
    warnings?: string[];
  };
  expect(data.result).toHaveLength(1);
  return {
    resolution: answer.headers.get('x-gaugeway-resolution'),
    values: data.result[0]!.values,
    ...(warnings ? { warnings } : {}),
  };
}

/** Greatest distance of two answers at the same times, as a part of the value. */
function offBy(seen: Answered, wanted: Answered): number {
  expect(seen.values.map(([at]) => at)).toEqual(wanted.values.map(([at]) => at));
  return Math.max(
    ...seen.values.map(([, value], at) => {
      const exact = Number(wanted.values[at]![1]);
      return Math.abs(Number(value) - exact) / Math.max(1, Math.abs(exact));
    }),
  );
}

const exact = ['avg', 'min', 'max', 'sum', 'count'].map((of) => `${of}_over_time(level[1h])`);

it('answers from the worker’s own tiers what the samples themselves say, over the border of raw samples', async () => {
  await fill();
  const whole = await startProduct(stage, raw, { ...environment, GAUGEWAY_RETENTION_RAW: '14d' });
  const postgres = createPostgres({
    ...{ url: whole.postgres.url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  stage.onEnd(() => postgres.close());
  await until(
    'both tiers have every hour',
    async () => {
      const rows = await postgres
        .knex('downsample_marks')
        .select<{ done_until: Date }[]>('done_until');
      return rows.length === 2 && rows.every((row) => row.done_until.getTime() >= lastMs);
    },
    300_000,
  );
  const tiered = await startProduct(stage, raw, {
    ...environment,
    GAUGEWAY_DATABASE_URL: whole.postgres.url,
    GAUGEWAY_RETENTION_RAW: '3d',
  });
  // It hears a little later how far the tiers are filled.
  await until('the tiers are known to be filled', async () => {
    const { warnings } = await ask(tiered, 'level');
    return warnings === undefined;
  });
  for (const query of exact) {
    const [seen, wanted] = [await ask(tiered, query), await ask(whole, query)];
    expect([query, seen.resolution, wanted.resolution]).toEqual([query, '1m, raw', 'raw']);
    expect(seen.warnings).toBeUndefined();
    expect(offBy(seen, wanted)).toBeLessThan(1e-9);
  }
  const rate = 'increase(work_total[2h])';
  // A window's first aggregate may stand for up to a minute before it: of 120 minutes one.
  expect(offBy(await ask(tiered, rate), await ask(whole, rate))).toBeLessThan(1 / 120);
}, 600_000);
