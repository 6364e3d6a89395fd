import { describe, expect, it } from 'vitest';
import type { KeptExemplar, MetadataRow, Rejection } from '../../../../src/ingest/index.ts';
import { createExemplarQueue } from '../../../../src/ingest/keep/exemplars.ts';
import { createLedger } from '../../../../src/ingest/keep/ledger.ts';
import { createMetadataKeeper } from '../../../../src/ingest/keep/metadata.ts';
import { nowMs, stillClock } from '../../../support/ingest.ts';

/** A store that takes everything, or fails while it is told to. */
function sink<T>() {
  const rows: T[] = [];
  const state = { isDown: false };
  const take = (more: readonly T[]) => {
    if (state.isDown) return Promise.reject(new Error('away'));
    rows.push(...structuredClone(more));
    return Promise.resolve();
  };
  return { rows, state, take };
}

describe('the ledger of rejections', () => {
  const entry = {
    tenantId: 't',
    reason: 'too_old',
    series: 'up{}',
    sender: 'k',
    samples: 2,
  } as const;

  it('sums up the same series, reason and sender, with the first and last time', async () => {
    const { rows, take } = sink<Rejection>();
    const clock = stillClock();
    const ledger = createLedger({ add: take }, clock);
    ledger.note(entry);
    clock.move(5);
    ledger.note(entry);
    ledger.note({ ...entry, reason: 'too_new' });
    await ledger.flush();
    await ledger.flush();
    expect(rows).toEqual([
      { ...entry, samples: 4, firstAtMs: nowMs, lastAtMs: nowMs + 5 },
      { ...entry, reason: 'too_new', firstAtMs: nowMs + 5, lastAtMs: nowMs + 5 },
    ]);
  });

  it('is bounded, and counts by reason on even then', async () => {
    const { rows, take } = sink<Rejection>();
    const ledger = createLedger({ add: take }, stillClock());
    for (let i = 0; i < 20_000; i += 1) {
      ledger.note({ ...entry, series: `s${String(i)}` });
      ledger.note({ ...entry, series: '' });
    }
    expect(ledger.pending).toBeLessThanOrEqual(5_001);
    await ledger.flush();
    expect(rows.find((row) => row.series === '')?.samples).toBe(40_000);
  });

  it('loses no count while the store is away', async () => {
    const { rows, take, state } = sink<Rejection>();
    const clock = stillClock();
    const ledger = createLedger({ add: take }, clock);
    state.isDown = true;
    ledger.note(entry);
    const failed = ledger.flush();
    ledger.note(entry);
    await expect(failed).rejects.toThrow('away');
    state.isDown = false;
    await ledger.flush();
    expect(rows).toEqual([{ ...entry, samples: 4, firstAtMs: nowMs, lastAtMs: nowMs }]);
  });
});

describe('metric metadata', () => {
  const up = { metric: 'up', type: 'gauge', help: 'h', unit: '' } as const;

  it('is written when it is new or changed, and not otherwise', async () => {
    const { rows, take } = sink<MetadataRow>();
    const keeper = createMetadataKeeper({ upsert: take });
    for (const help of ['h', 'h', 'other', 'other']) {
      expect(keeper.keep('t', { ...up, help })).toBe(true);
      await keeper.flush();
    }
    keeper.keep('u', up);
    await keeper.flush();
    expect(rows.map(({ tenantId, help }) => [tenantId, help])).toEqual([
      ['t', 'h'],
      ['t', 'other'],
      ['u', 'h'],
    ]);
  });

  it('without a name is refused; long texts are cut', async () => {
    const { rows, take } = sink<MetadataRow>();
    const keeper = createMetadataKeeper({ upsert: take });
    expect(keeper.keep('t', { ...up, metric: '' })).toBe(false);
    expect(keeper.keep('t', { ...up, metric: 'x'.repeat(1_025) })).toBe(false);
    expect(keeper.keep('t', { ...up, help: 'x'.repeat(5_000) })).toBe(true);
    await keeper.flush();
    expect(rows.map(({ help }) => help.length)).toEqual([1_024]);
  });

  it('is bounded for each tenant, and what is known may still change', () => {
    const keeper = createMetadataKeeper({ upsert: () => Promise.resolve() });
    for (let i = 0; i < 10_000; i += 1) keeper.keep('t', { ...up, metric: `m${String(i)}` });
    expect(keeper.keep('t', { ...up, metric: 'one more' })).toBe(false);
    expect(keeper.keep('t', { ...up, metric: 'm5', help: 'new' })).toBe(true);
    expect(keeper.keep('u', up)).toBe(true);
  });

  it('waits while the store is away, and the newest wins', async () => {
    const { rows, take, state } = sink<MetadataRow>();
    const keeper = createMetadataKeeper({ upsert: take });
    state.isDown = true;
    keeper.keep('t', up);
    const failed = keeper.flush();
    keeper.keep('t', { ...up, help: 'newer' });
    await expect(failed).rejects.toThrow('away');
    state.isDown = false;
    await keeper.flush();
    expect(rows.map(({ help }) => help)).toEqual(['newer']);
  });
});

describe('the queue of exemplars', () => {
  const exemplar = (value: number): KeptExemplar => ({
    tenantId: 't',
    seriesLabels: [['__name__', 'up']],
    exemplar: { labels: [['trace', 'x']], value, timestampMs: nowMs },
  });

  it('is bounded, keeps its order, and survives an outage of the store', async () => {
    const { rows, take, state } = sink<KeptExemplar>();
    const queue = createExemplarQueue({ add: take }, 3);
    expect([1, 2, 3, 4].map((value) => queue.add(exemplar(value)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    state.isDown = true;
    await expect(queue.flush()).rejects.toThrow('away');
    expect(queue.add(exemplar(5))).toBe(false);
    state.isDown = false;
    await queue.flush();
    expect(rows.map(({ exemplar: { value } }) => value)).toEqual([1, 2, 3]);
    expect(queue.add(exemplar(6))).toBe(true);
  });
});
