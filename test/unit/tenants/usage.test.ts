import { describe, expect, it } from 'vitest';
import { createMeters, silentLogger } from '../../../src/platform/index.ts';
import { createRates } from '../../../src/tenants/rates.ts';
import { createUsage, type UsageStore } from '../../../src/tenants/usage.ts';
import type { UsageRow } from '../../../src/tenants/figures.ts';

const hour = 3_600_000;

function setUp() {
  const saved: UsageRow[] = [];
  const state = { nowMs: 10 * hour, isAway: false };
  const store: UsageStore = {
    add(rows) {
      if (state.isAway) return Promise.reject(new Error('away'));
      saved.push(...rows.map((row) => ({ ...row })));
      return Promise.resolve();
    },
    read: () => Promise.resolve(saved),
  };
  const usage = createUsage({
    ...{ store, loads: () => [{ tenantId: 'acme', activeSeries: 7, metricNames: 3 }] },
    limitsOf: () => ({
      ...{ samplesPerSecond: 10, maxActiveSeries: 10 },
      maxMetricNames: Number.MAX_SAFE_INTEGER,
    }),
    clock: { nowMs: () => state.nowMs, monotonicMs: () => state.nowMs },
    ...{ log: silentLogger, meters: createMeters() },
  });
  return { usage, saved, state };
}

describe('usage', () => {
  it('is a row for each tenant and hour, saved once', async () => {
    const { usage, saved, state } = setUp();
    usage.wrote('acme', { samples: 5, refused: 1, bytes: 100 });
    usage.wrote('acme', { samples: 5, refused: 0, bytes: 100 });
    usage.asked('cedar', 50);
    state.nowMs += hour;
    usage.asked('acme', 9);
    await usage.flush();
    await usage.flush();
    const figures = saved.map((row) => [row.tenantId, row.hourMs / hour, row.samples, row.queries]);
    expect(figures).toEqual([
      ['acme', 10, 10, 0],
      ['cedar', 10, 0, 1],
      ['acme', 11, 0, 1],
      ['acme', 11, 0, 0],
    ]);
    expect(saved[0]).toMatchObject({ refusedSamples: 1, bytesWritten: 200 });
    expect(saved[2]).toMatchObject({ activeSeries: 7, metricNames: 3, bytesRead: 9 });
  });

  it('waits for a database that is away, and is not lost or told twice', async () => {
    const { usage, saved, state } = setUp();
    usage.wrote('acme', { samples: 5, refused: 0, bytes: 1 });
    state.isAway = true;
    await usage.flush();
    usage.wrote('acme', { samples: 2, refused: 0, bytes: 1 });
    state.isAway = false;
    await usage.flush();
    expect(saved.map(({ samples }) => samples)).toEqual([7]);
  });

  it('is reported beside its budgets, where there are any', async () => {
    const { usage } = setUp();
    usage.wrote('acme', { samples: 36_000, refused: 0, bytes: 1 });
    await usage.flush();
    const { budgets } = await usage.report('acme', { fromMs: 0, untilMs: 1 });
    expect(budgets).toEqual({
      samples_per_second: { limit: 10, used: 10 },
      active_series: { limit: 10, used: 7 },
      metric_names: { limit: null, used: 3 },
    });
  });
});

describe('the rate of the last minute', () => {
  it('forgets what is older', () => {
    let nowMs = 1_000_000;
    const rates = createRates({ nowMs: () => nowMs, monotonicMs: () => nowMs });
    rates.add('acme', 600);
    nowMs += 49_000;
    expect(rates.perSecond('acme')).toBeCloseTo(600 / 59, 5);
    nowMs += 30_000;
    expect(rates.perSecond('acme')).toBe(0);
    expect(rates.perSecond('nobody')).toBe(0);
  });
});
