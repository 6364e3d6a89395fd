import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLifecycle } from '../../../src/app/index.ts';
import { eraserOf, tierStoreOf } from '../../../src/app/tiers.ts';
import { loadConfig, silentLogger } from '../../../src/platform/index.ts';
import { Round } from '../../../src/retention/round.ts';
import { systemActor } from '../../../src/access/index.ts';
import { createDownsampler } from '../../../src/retention/index.ts';
import { tierSpecs } from '../../../src/retention/tiers.ts';
import { createTenantStore } from '../../../src/storage/postgres/index.ts';
import { createVictoriaClient } from '../../../src/storage/victoria/index.ts';
import type { Series } from '../../../src/wire/index.ts';
import { startDatabase, type TestDatabase } from '../../support/access.ts';
import { Stage, until } from '../../support/stage.ts';
import {
  ask,
  askRange,
  clockAfter,
  heldMs,
  hourMs,
  runRound,
  startTiers,
  workerOf,
  type TierStage,
} from '../../support/tiers.ts';

const stage = new Stage();
let database: TestDatabase;
let tiers: TierStage;
beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  stage.onEnd(() => database.stop());
  tiers = await startTiers(stage);
}, 120_000);
afterAll(() => stage.end(), 60_000);

/** Two whole hours that are over, the newer of which ended more than an hour ago. */
const lastMs = Math.floor(heldMs / hourMs) * hourMs - hourMs;
const firstMs = lastMs - 2 * hourMs;

async function makeTenant(id: string): Promise<void> {
  await createTenantStore(database.postgres.knex).insert(
    { id, name: id, status: 'active', statusReason: null, policy: {}, createdAtMs: 0 },
    {
      ...{ actor: systemActor(id), tenantId: id, action: 'tenant_created' as const },
      ...{ target: `tenant:${id}`, atMs: 0 },
    },
  );
}

/** Gauges, and counters that begin anew now and then, every 5 s over both hours. */
function history(hosts: number): Series[] {
  const series: Series[] = [];
  for (let host = 0; host < hosts; host += 1) {
    const samples = (valueOf: (at: number) => number) =>
      Array.from({ length: (lastMs - firstMs) / 5_000 }, (_, at) => ({
        timestampMs: firstMs + (at + 1) * 5_000 - host * 100,
        value: valueOf(at),
      }));
    const labels = (name: string) =>
      [
        ['__name__', name],
        ['host', `h${String(host)}`],
      ] as const;
    series.push(
      { labels: labels('room_temperature'), samples: samples((at) => ((at * 7 + host) % 64) / 4) },
      // Falls every 101 samples, so within windows and at their borders.
      { labels: labels('doors_opened_total'), samples: samples((at) => ((at + host) % 101) * 3) },
      // Falls to more than it had been: 90, then from 0 over 100 within one window of a minute.
      {
        labels: labels('steps_total'),
        samples: samples((at) =>
          (at + host) % 240 < 3 ? 90 + (at % 3) : ((at + host) % 240) * 40,
        ),
      },
    );
  }
  return series;
}

/** What raw storage and a tier say to the same questions at the end of each window. */
async function expectEqual(tenantId: string): Promise<void> {
  for (const { tier, stepMs } of tierSpecs) {
    const step = `${String(stepMs / 1_000)}s`;
    const range = { firstMs: firstMs + stepMs, lastMs, stepMs };
    const both = async (onRaw: string, onTier: string, from = range) => {
      const raw = await askRange(tiers.raw.target, tenantId, onRaw, from);
      const aggregated = await askRange(tiers.tiers[tier].target, tenantId, onTier, from);
      expect(Object.keys(raw).length, onRaw).toBeGreaterThan(0);
      expect(aggregated, `${onTier} in ${tier}`).toEqual(raw);
    };
    const gauge = 'room_temperature';
    await both(`min_over_time(${gauge}[${step}])`, `last_over_time(${gauge}:min[${step}])`);
    await both(`max_over_time(${gauge}[${step}])`, `last_over_time(${gauge}:max[${step}])`);
    await both(`count_over_time(${gauge}[${step}])`, `last_over_time(${gauge}:count[${step}])`);
    // VictoriaMetrics keeps twelve digits of what has no end.
    await both(
      `round(avg_over_time(${gauge}[${step}]), 1e-9)`,
      `round(last_over_time(${gauge}[${step}]), 1e-9)`,
    );
    // Each window once, however often it was written.
    await both(`count_over_time(${gauge}[${step}]) * 0 + 1`, `count_over_time(${gauge}[${step}])`);
    for (const counter of ['doors_opened_total', 'steps_total']) {
      await both(`last_over_time(${counter}[${step}])`, `last_over_time(${counter}[${step}])`);
      const grown = `increase(${counter}[10m])`;
      await both(grown, grown, { ...range, firstMs: firstMs + 2 * 600_000 });
    }
  }
}

const versions = async (tenantId: string): Promise<number[]> => {
  const rows = await database.postgres
    .knex('downsample_slices')
    .where({ tenant_id: tenantId })
    .whereIn('start_at', [new Date(firstMs), new Date(firstMs + hourMs)])
    .select<{ version: number }[]>('version');
  return rows.map(({ version }) => version);
};

const marks = async (tenantId: string): Promise<Record<string, number>> => {
  const rows = await database.postgres
    .knex('downsample_marks')
    .where({ tenant_id: tenantId })
    .select<{ tier: string; done_until: Date }[]>('tier', 'done_until');
  return Object.fromEntries(rows.map((row) => [row.tier, row.done_until.getTime()]));
};

const allDone = { '1m': lastMs + hourMs, '5m': lastMs + hourMs };

describe('the downsampler', { timeout: 120_000 }, () => {
  it('makes tiers that say what raw samples say', async () => {
    await makeTenant('equal');
    await tiers.write('equal', history(3));
    await runRound(workerOf(tiers, database.postgres, { tenantId: 'equal' }));
    await expectEqual('equal');
    expect(await marks('equal')).toEqual(allDone);
    const others = await ask(tiers.tiers['1m'].target, 'nobody', '{__name__!=""}', lastMs);
    expect(others).toEqual([]);
  });

  it('goes on where another was killed in the middle of an hour', async () => {
    await makeTenant('killed');
    await tiers.write('killed', history(3));
    const killed = new AbortController();
    const one = tiers.stores.get('1m')!;
    let bodies = 0;
    const dying = new Map(tiers.stores).set('1m', {
      ...one,
      // Dies with its first body in the tier and the second on its way.
      async write(tenantId, body) {
        bodies += 1;
        if (bodies > 1) return new Promise(() => undefined);
        const wrong = await one.write(tenantId, body);
        setImmediate(() => killed.abort());
        return wrong;
      },
      flush: () => new Promise(() => undefined),
    });
    const first = workerOf(tiers, database.postgres, { tenantId: 'killed', tiers: dying });
    expect(await first.store.hold()).toBe(true);
    void new Round(first).run(killed.signal).catch(() => undefined);
    await until('it is in the middle of an hour', () => Promise.resolve(killed.signal.aborted));
    expect((await marks('killed'))['1m']).toBeLessThan(allDone['1m']);
    // What the dead one holds ends by itself.
    await database.postgres
      .knex('leases')
      .where({ name: 'downsample' })
      .update({ expires_at: new Date(0) });
    await runRound(workerOf(tiers, database.postgres, { tenantId: 'killed' }));
    expect(await marks('killed')).toEqual(allDone);
    expect(Math.max(...(await versions('killed')))).toBe(1);
    await expectEqual('killed');
  });

  it('does an hour again that got samples later, with what falls over earlier ones', async () => {
    await makeTenant('late');
    const all = history(2);
    const isLate = (at: number) => at % 300 > 200 && at < 700;
    const some = all.map((series) => ({
      ...series,
      samples: series.samples.filter((_, at) => !isLate(at)),
    }));
    await tiers.write('late', some);
    const worker = workerOf(tiers, database.postgres, { tenantId: 'late' });
    await runRound(worker);
    await tiers.write('late', all);
    await runRound(worker);
    expect(await versions('late')).toEqual([0, 0, 0, 0]);
    // Three hours on it counts again.
    await runRound(
      workerOf(tiers, database.postgres, {
        tenantId: 'late',
        clock: clockAfter(4),
        rawRetentionMs: 100 * hourMs,
      }),
    );
    expect((await versions('late')).sort()).toEqual([0, 0, 1, 1]);
    await expectEqual('late');
  });

  it('lets one tier wait that does not answer, and goes on with the other', async () => {
    await makeTenant('down');
    await tiers.write('down', history(2));
    const worker = workerOf(tiers, database.postgres, { tenantId: 'down' });
    const pid = tiers.tiers['5m'].pid()!;
    process.kill(pid, 'SIGSTOP');
    try {
      await runRound(worker);
      const now = await marks('down');
      expect(now['1m']).toBe(allDone['1m']);
      expect(now['5m']).toBeLessThan(firstMs + 1);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('the tier answers again', async () => {
      await runRound(worker);
      return (await marks('down'))['5m'] === allDone['5m'];
    });
    await expectEqual('down');
    expect(await versions('down')).toEqual([0, 0, 0, 0]);
  });

  it('lets a tier wait that is full, and makes up for what it lacks', async () => {
    await makeTenant('full');
    await tiers.write('full', history(2));
    const five = tiers.stores.get('5m')!;
    const full = new Map(tiers.stores).set('5m', {
      ...five,
      write: () => Promise.resolve('storage answered 503: read-only'),
    });
    await runRound(workerOf(tiers, database.postgres, { tenantId: 'full', tiers: full }));
    expect(await marks('full')).toEqual({ '1m': allDone['1m'], '5m': firstMs });
    await runRound(workerOf(tiers, database.postgres, { tenantId: 'full' }));
    expect(await marks('full')).toEqual(allDone);
    await expectEqual('full');
  });

  it('gives nothing to a VictoriaMetrics that would not cover one version by the next', async () => {
    await makeTenant('flag');
    await tiers.write('flag', history(1));
    const { store, close } = tierStoreOf('5m', tiers.tiers['1m'].target);
    const warn = vi.fn();
    const log = { ...silentLogger, warn };
    const wrong = new Map(tiers.stores).set('5m', store);
    await runRound(workerOf(tiers, database.postgres, { tenantId: 'flag', tiers: wrong, log }));
    await close();
    expect(await marks('flag')).toEqual({ '1m': allDone['1m'], '5m': firstMs });
    expect(warn).toHaveBeenCalledWith(expect.any(String), {
      tier: '5m',
      error: 'it runs with -dedup.minScrapeInterval=12s, a tier of 5m needs 60s',
    });
  });

  it('finds the hours that a clock ahead of time made it take for empty', async () => {
    await makeTenant('clock');
    const worker = (hours: number) =>
      workerOf(tiers, database.postgres, {
        ...{ tenantId: 'clock', rawRetentionMs: 60 * hourMs },
        clock: clockAfter(hours),
      });
    await runRound(worker(2));
    expect((await marks('clock'))['1m']).toBeGreaterThan(allDone['1m']);
    await tiers.write('clock', history(2));
    await runRound(worker(0));
    expect(await versions('clock')).toEqual([0, 0, 0, 0]);
    await runRound(worker(26));
    await expectEqual('clock');
  });

  it('writes again what a killed tier had acknowledged', async () => {
    await makeTenant('lost');
    await tiers.write('lost', history(2));
    const one = tiers.stores.get('1m')!;
    let kills = 0;
    const fragile = new Map(tiers.stores).set('1m', {
      ...one,
      async flush() {
        await one.flush();
        if (kills > 0) return;
        kills += 1;
        const before = await one.life();
        process.kill(tiers.tiers['1m'].pid()!, 'SIGKILL');
        // Stamps of lives are seconds.
        await until('the tier lives again', async () => {
          const life = await one.life();
          return life !== undefined && life !== before;
        });
      },
    });
    await runRound(
      workerOf(tiers, database.postgres, { tenantId: 'lost', tiers: fragile, confirmAfterMs: 1 }),
    );
    expect(kills).toBe(1);
    expect(await marks('lost')).toEqual(allDone);
    expect(Math.max(...(await versions('lost')))).toBe(1);
    await expectEqual('lost');
  });

  it('a host that is erased is gone from every tier, and another one is not', async () => {
    await makeTenant('erased');
    const labels = (host: string) =>
      [
        ['__name__', 'room_level'],
        ['host_id', host],
      ] as const;
    const samples = [{ timestampMs: lastMs - 1_000, value: 1 }];
    const hosts = ['goes', 'stays'].map((host) => ({ labels: labels(host), samples }));
    await tiers.write('erased', hosts);
    await runRound(workerOf(tiers, database.postgres, { tenantId: 'erased' }));
    const { raw, tiers: byTier } = tiers;
    const targets = { raw: raw.target, '1m': byTier['1m'].target, '5m': byTier['5m'].target };
    const lifecycle = createLifecycle(silentLogger);
    const client = createVictoriaClient(raw.target);
    const backends = { databaseUrl: '', victoria: targets };
    const loaded = loadConfig({ environment: {} });
    await eraserOf({ backends, lifecycle, loaded }, client).erase('erased', 'goes');
    await client.close();
    await lifecycle.stop();
    for (const target of Object.values(targets)) {
      const left = await ask(target, 'erased', '{__name__=~"room_level.*"}', lastMs);
      expect(new Set(left.map(({ metric }) => metric['host_id']))).toEqual(new Set(['stays']));
    }
  });

  it('is done by one of two workers', async () => {
    await makeTenant('two');
    await tiers.write('two', history(2));
    const workers = ['one', 'two'].map(() =>
      createDownsampler(workerOf(tiers, database.postgres, { tenantId: 'two' })),
    );
    for (const worker of workers) worker.start();
    try {
      await until('all is done', async () => {
        const now = await marks('two');
        return now['1m'] === allDone['1m'] && now['5m'] === allDone['5m'];
      });
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
    expect(await versions('two')).toEqual([0, 0, 0, 0]);
    await expectEqual('two');
  });
});
