import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMeters, silentLogger } from '../../src/platform/index.ts';
import { createPostgres, type Postgres } from '../../src/storage/postgres/index.ts';
import { createSeriesWriter, createVictoriaClient } from '../../src/storage/victoria/index.ts';
import { encodeWriteRequest } from '../../src/wire/index.ts';
import { snappy } from '../support/snappy.ts';
import { Stage, startProduct, startStorage, until } from '../support/stage.ts';
import { ask, hourMs, startTier, tierEnvironment } from '../support/tiers.ts';

const run = promisify(execFile);
const stage = new Stage();
type Storage = Awaited<ReturnType<typeof startStorage>>;
let raw: Storage;
let tiers: Awaited<ReturnType<typeof startTier>>[];
beforeAll(async () => {
  raw = await startStorage(stage);
  tiers = [await startTier(stage, '1m'), await startTier(stage, '5m')];
}, 120_000);
afterAll(() => stage.end(), 60_000);

/** The end of the newest hour that is closed, with room for a test that runs into the next. */
const lastMs = Math.floor((Date.now() - 2 * hourMs) / hourMs) * hourMs;
const hours = 12;
const series = 100;

async function fill(name: string): Promise<void> {
  const client = createVictoriaClient(raw.target);
  const writer = createSeriesWriter(client);
  for (let at = 0; at < series; at += 1) {
    const samples = Array.from({ length: hours * 360 }, (_, tick) => ({
      timestampMs: lastMs - tick * 10_000,
      value: tick % 60,
    })).reverse();
    const labels = [
      ['__name__', name],
      ['at', String(at)],
    ] as const;
    await writer.write([['tenant', 'default']], snappy(encodeWriteRequest([{ labels, samples }])));
  }
  await writer.makeVisible();
  await client.close();
}

const marks = async ({ knex }: Postgres): Promise<number[]> =>
  (await knex('downsample_marks').select<{ done_until: Date }[]>('done_until')).map((row) =>
    row.done_until.getTime(),
  );

/** Windows of all series over all hours, and the samples that went into them. */
async function counted(tier: number, name: string): Promise<(number | undefined)[]> {
  const window = `[${String(hours)}h]`;
  const { target } = tiers[tier]!;
  const of = async (query: string) => (await ask(target, 'default', query, lastMs))[0]?.value;
  return [
    await of(`sum(count_over_time(${name}${window}))`),
    await of(`sum(sum_over_time(${name}:count${window}))`),
  ];
}

it('fills both tiers over a kill -9 without a gap or a double, and does hours again when asked', async () => {
  await fill('before_total_level');
  const environment = {
    ...raw.env,
    ...tierEnvironment('1m', tiers[0]!.target),
    ...tierEnvironment('5m', tiers[1]!.target),
    GAUGEWAY_INGEST_TIMESTAMP_PAST: '1m',
    GAUGEWAY_DOWNSAMPLE_INTERVAL: '200ms',
    GAUGEWAY_DOWNSAMPLE_CONFIRM_AFTER: '1s',
  };
  const product = await startProduct(stage, raw, environment);
  const postgres = createPostgres({
    ...{ url: product.postgres.url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  stage.onEnd(() => postgres.close());
  await until('an hour with samples is in the first tier', async () => {
    const [windows = 0] = await counted(0, 'before_total_level');
    return windows > 0;
  });
  await product.kill('SIGKILL');
  await product.restart();
  await until(
    'both tiers have every hour',
    async () => {
      const all = await marks(postgres);
      return all.length === 2 && all.every((doneMs) => doneMs >= lastMs);
    },
    300_000,
  );
  const samples = series * hours * 360;
  expect(await counted(0, 'before_total_level')).toEqual([series * hours * 60, samples]);
  expect(await counted(1, 'before_total_level')).toEqual([series * hours * 12, samples]);

  await fill('after_level');
  const command = ['bin/gaugeway.js', 'downsample', '--tenant', 'default'];
  const range = [
    ...['--from', new Date(lastMs - hours * hourMs).toISOString()],
    ...['--to', new Date(lastMs).toISOString()],
  ];
  const { stdout } = await run(process.execPath, [...command, ...range], {
    env: { ...process.env, GAUGEWAY_DATABASE_URL: product.postgres.url },
  });
  expect(stdout).toBe(`done: ${String(hours * 2)} hours of tenants in tiers\n`);
  expect(await counted(0, 'after_level')).toEqual([series * hours * 60, samples]);
  expect(await counted(1, 'after_level')).toEqual([series * hours * 12, samples]);
  expect(await counted(0, 'before_total_level')).toEqual([series * hours * 60, samples]);
}, 600_000);
