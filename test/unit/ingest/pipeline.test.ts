import { describe, expect, it } from 'vitest';
import type { IngestOutcome } from '../../../src/ingest/index.ts';
import {
  encodeWriteRequest,
  referenceRequestV2,
  referenceWriteRequest,
  writeMetadata,
  Writer,
  type Label,
} from '../../../src/wire/index.ts';
import { memoryHaStore, nowMs, sender, series, stored, testIngest } from '../../support/ingest.ts';
import { snappy } from '../../support/snappy.ts';

const samplesOf = (n: number) => ({ samples: n, histograms: 0, exemplars: 0 });
const counts = (outcome: IngestOutcome) =>
  outcome.kind === 'partial' ? Object.fromEntries(outcome.refused) : {};

/** Whole outcome of a partial, for the law that everything received is accounted for. */
function expectExact(outcome: IngestOutcome): void {
  if (outcome.kind !== 'partial') throw new Error(`partial expected, got ${outcome.kind}`);
  const { samples, histograms, exemplars } = outcome.written;
  const refused = [...outcome.refused.values()].reduce((a, b) => a + b, 0);
  expect(samples + histograms + exemplars + refused).toBe(outcome.received);
}

describe('what is accepted', () => {
  it('goes on as it came, byte for byte, with the tenant forced', async () => {
    const { ingest, batches } = testIngest();
    const body = snappy(encodeWriteRequest([series('up', { job: 'x' }), series('good_a')]));
    const pieces = [body.subarray(0, 3), body.subarray(3)];
    expect(await ingest.write(sender, 1, pieces)).toEqual({
      kind: 'accepted',
      written: samplesOf(2),
    });
    expect(batches).toEqual([
      { labels: [['tenant', 'acme']], body: pieces, bytes: body.length, samples: 2 },
    ]);
  });

  it('carries the tags of the host and the shard, but no tag that would be another tenant', async () => {
    const { write, batches } = testIngest({
      tags: { zone: 'eu', role: 'db', tenant: 'evil', vm_account_id: '1' },
    });
    await write([series('up', { host_id: 'h1' })], { hostId: 'h1' });
    expect(batches[0]).toMatchObject({
      labels: [
        ['tenant', 'acme'],
        ['zone', 'eu'],
        ['role', 'db'],
      ],
      shardTag: 'eu',
    });
  });

  it('loses the labels that decide whose data it is', async () => {
    const { write, batches } = testIngest();
    const forged = { tenant: 'evil', vm_account_id: '7', vm_project_id: '8', job: 'x' };
    expect(await write([series('up', forged)])).toMatchObject({ kind: 'accepted' });
    expect(stored(batches[0])).toEqual([{ labels: '__name__=up,job=x', samples: [[1, nowMs]] }]);
  });

  it('loses a forged tenant in every spelling that protobuf allows', async () => {
    const name = Buffer.from('tenant');
    const value = Buffer.from('evil');
    const field = (tag: number[], content: Buffer) =>
      Buffer.concat([Buffer.from([...tag, content.length]), content]);
    const spellings = [
      [field([0x12], value), field([0x0a], name)],
      [field([0x8a, 0x00], name), field([0x12], value)],
      [Buffer.concat([Buffer.from([0x0a, 0x86, 0x00]), name]), field([0x12], value)],
    ];
    for (const spelling of spellings) {
      const { ingest, batches } = testIngest();
      const writer = new Writer();
      writer.message(0x0a, () => {
        writer.bytes(
          0x0a,
          Buffer.concat([field([0x0a], Buffer.from('__name__')), field([0x12], Buffer.from('up'))]),
        );
        writer.bytes(0x0a, Buffer.concat(spelling));
        writer.bytes(0x12, encodeWriteRequest([series('')]).subarray(4));
      });
      for (let time = 0; time < 2; time += 1) {
        const padding = Buffer.from([0x3a, time, ...Array<number>(time).fill(0)]);
        const outcome = await ingest.write(sender, 1, [
          snappy(Buffer.concat([writer.view(), padding])),
        ]);
        expect(outcome.kind).toBe('accepted');
        expect(stored(batches[time]).map(({ labels }) => labels)).toEqual(['__name__=up']);
      }
    }
  });

  it('is sorted, without empty labels, with the host of the credential', async () => {
    const { ingest, batches } = testIngest();
    const labels: Label[] = [
      ['z', '1'],
      ['empty', ''],
      ['__name__', 'up'],
    ];
    const body = encodeWriteRequest([{ labels, samples: [{ value: 4, timestampMs: nowMs }] }]);
    const from = { ...sender, hostId: 'h1' };
    for (const time of [0, 1]) {
      const padded = Buffer.concat([body, Buffer.from([0x78, time])]);
      expect(await ingest.write(from, 1, [snappy(padded)])).toMatchObject({ kind: 'accepted' });
      expect(stored(batches[time])).toEqual([
        { labels: '__name__=up,host_id=h1,z=1', samples: [[4, nowMs]] },
      ]);
    }
  });

  it('takes an empty request, and one of metadata only, which goes to its own store', async () => {
    const { ingest, batches, metadata } = testIngest();
    expect(await ingest.write(sender, 1, [snappy(Buffer.alloc(0))])).toEqual({
      kind: 'accepted',
      written: samplesOf(0),
    });
    const writer = new Writer();
    writeMetadata(writer, { metric: 'up', type: 'gauge', help: 'is it up', unit: '' });
    expect(await ingest.write(sender, 1, [snappy(writer.view())])).toMatchObject({
      kind: 'accepted',
    });
    await ingest.flush();
    expect(batches).toEqual([]);
    expect(metadata).toEqual([
      { tenantId: 'acme', metric: 'up', type: 'gauge', help: 'is it up', unit: '' },
    ]);
  });
});

describe('what is refused', () => {
  it('is counted exactly by reason, and the rest is written', async () => {
    const { write, batches, ledger, ingest, meter } = testIngest();
    const outcome = await write([
      series('up'),
      series('bad_name'),
      series('good_old', {}, nowMs - 3_660_001),
      series('good_new', {}, nowMs + 360_001),
      series('good_first', {}, nowMs - 3_660_000),
      series('good_last', {}, nowMs + 360_000),
      series('', { job: 'x' }),
    ]);
    expect(outcome).toMatchObject({ kind: 'partial', written: samplesOf(3), received: 7 });
    expect(counts(outcome)).toEqual({
      not_whitelisted: 1,
      too_old: 1,
      too_new: 1,
      missing_name: 1,
    });
    expectExact(outcome);
    expect(stored(batches[0]).map(({ labels }) => labels)).toEqual([
      '__name__=up',
      '__name__=good_first',
      '__name__=good_last',
    ]);
    await ingest.flush();
    expect(
      ledger.filter((row) => row.series !== '').map(({ reason, samples }) => [reason, samples]),
    ).toEqual([
      ['not_whitelisted', 1],
      ['too_old', 1],
      ['too_new', 1],
      ['missing_name', 1],
    ]);
    expect(await meter('gaugeway_ingest_received_samples_total{tenant_id="acme"}')).toBe(7);
    expect(await meter('ingest_datapoints_total{tenant_id="acme"}')).toBe(3);
    expect(
      await meter('gaugeway_ingest_refused_samples_total{tenant_id="acme",reason="too_old"}'),
    ).toBe(1);
  });

  it('is refused for the same reason when it comes again', async () => {
    const { write } = testIngest();
    for (let i = 0; i < 3; i += 1) {
      const outcome = await write([series('bad_name'), series('up', {}, nowMs + i)]);
      expect(counts(outcome)).toEqual({ not_whitelisted: 1 });
      expectExact(outcome);
    }
  });

  it('leaves good samples of a series whose other samples are too old', async () => {
    const { ingest, batches } = testIngest();
    const times = [nowMs, nowMs - 7_200_000, nowMs - 1, nowMs + 7_200_000];
    const one = {
      labels: [['__name__', 'up']] as const,
      samples: times.map((timestampMs, value) => ({ value, timestampMs })),
    };
    const outcome = await ingest.write(sender, 1, [snappy(encodeWriteRequest([one]))]);
    expect(counts(outcome)).toEqual({ too_old: 1, too_new: 1 });
    expectExact(outcome);
    expect(stored(batches[0])[0]?.samples).toEqual([
      [0, nowMs],
      [2, nowMs - 1],
    ]);
  });

  it('is dropped with full counts in drop mode, and stored in observe mode', async () => {
    const { write, batches, meter } = testIngest();
    const both = [series('bad_name'), series('up')];
    expect(await write(both, { whitelistMode: 'drop' })).toEqual({
      kind: 'accepted',
      written: samplesOf(2),
    });
    expect(stored(batches[0]).map(({ labels }) => labels)).toEqual(['__name__=up']);
    expect(await write(both, { whitelistMode: 'observe' })).toMatchObject({ kind: 'accepted' });
    expect(stored(batches[1])).toHaveLength(2);
    expect(await meter('gaugeway_ingest_observed_samples_total{tenant_id="acme"}')).toBe(1);
    expect(
      await meter(
        'gaugeway_ingest_refused_samples_total{tenant_id="acme",reason="not_whitelisted"}',
      ),
    ).toBe(1);
  });

  it('in drop mode counts histograms and exemplars of dropped series as what they are', async () => {
    const { ingest } = testIngest();
    const body = referenceWriteRequest.encode({
      timeseries: [
        {
          labels: [{ name: '__name__', value: 'bad' }],
          histograms: [{ timestamp: nowMs }, { timestamp: nowMs }],
          exemplars: [{ value: 1, timestamp: nowMs }],
        },
      ],
    });
    const from = { ...sender, whitelistMode: 'drop' as const };
    expect(await ingest.write(from, 1, [snappy(body)])).toEqual({
      kind: 'accepted',
      written: { samples: 0, histograms: 2, exemplars: 1 },
    });
  });

  it('is another host’s series where the credential is bound to one', async () => {
    const { write, batches } = testIngest();
    const outcome = await write(
      [series('up', { host_id: 'h2' }), series('up', { host_id: 'h1' })],
      {
        hostId: 'h1',
      },
    );
    expect(counts(outcome)).toEqual({ foreign_host: 1 });
    expectExact(outcome);
    expect(stored(batches[0]).map(({ labels }) => labels)).toEqual(['__name__=up,host_id=h1']);
  });

  it('counts a rewritten series once that cannot be read to its end', async () => {
    const { ingest, batches } = testIngest();
    const writer = new Writer();
    writer.message(0x0a, () => {
      for (const [name, value] of [
        ['z', '1'],
        ['__name__', 'up'],
      ] as const) {
        writer.message(0x0a, () => {
          writer.text(0x0a, name);
          writer.text(0x12, value);
        });
      }
      writer.bytes(0x12, encodeWriteRequest([series('')]).subarray(4));
      // An exemplar that ends early.
      writer.bytes(0x1a, Buffer.from([0x0a, 9]));
    });
    const outcome = await ingest.write(sender, 1, [snappy(writer.view())]);
    expect(outcome).toMatchObject({ kind: 'partial', written: samplesOf(0), received: 2 });
    expectExact(outcome);
    expect(batches).toEqual([]);
  });

  it.each<[string, Buffer, string]>([
    ['no snappy', Buffer.from('hello'), 'undecodable'],
    ['no protobuf', snappy(Buffer.from([0xff, 0xff])), 'undecodable'],
    ['a body over the limit', snappy(Buffer.alloc(1 << 21)), 'too_large'],
    ['too many series', snappy(Buffer.alloc(2_002, Buffer.from([0x0a, 0]))), 'too_many_series'],
  ])('%s: the whole request', async (_, body, reason) => {
    const { ingest, batches } = testIngest();
    expect(await ingest.write(sender, 1, [body])).toMatchObject({ kind: 'invalid', reason });
    expect(batches).toEqual([]);
  });

  it('a 2.0 body under the 1.0 type: it would be lost without a word, and may come again rightly', async () => {
    const { ingest, batches } = testIngest();
    const body = snappy(
      referenceRequestV2.encode({
        symbols: ['', '__name__', 'up'],
        timeseries: [{ labels_refs: [1, 2], samples: [{ value: 1, timestamp: nowMs }] }],
      }),
    );
    expect(await ingest.write(sender, 1, [body])).toMatchObject({ kind: 'invalid' });
    expect(await ingest.write(sender, 2, [body])).toEqual({
      kind: 'accepted',
      written: samplesOf(1),
    });
    expect(stored(batches[0])).toEqual([{ labels: '__name__=up', samples: [[1, nowMs]] }]);
  });
});

describe('budgets', () => {
  it('over the rate: nothing is written, and the same body may come later', async () => {
    const { write, batches, clock } = testIngest({
      policy: { samplesPerSecond: 1, burstSamples: 2 },
    });
    const three = [series('up'), series('good_a')];
    expect(await write(three)).toMatchObject({ kind: 'accepted' });
    const more = [series('up', {}, nowMs + 1)];
    expect(await write(more)).toMatchObject({
      kind: 'over_budget',
      reason: 'rate_budget',
      written: samplesOf(0),
      retryAfterSeconds: 1,
    });
    clock.move(1_000);
    expect(await write(more)).toMatchObject({ kind: 'accepted', written: samplesOf(1) });
    expect(batches).toHaveLength(2);
  });

  it('over the active series: known ones are written, new ones wait for room', async () => {
    const { write, batches, clock, ingest, meter } = testIngest({ policy: { maxActiveSeries: 2 } });
    const three = ['a', 'b', 'c'].map((job) => series('up', { job }));
    const first = await write(three);
    expect(first).toMatchObject({
      kind: 'over_budget',
      reason: 'series_budget',
      written: samplesOf(2),
    });
    expect(stored(batches[0])).toHaveLength(2);
    expect(await meter('gaugeway_ingest_active_series{tenant_id="acme"}')).toBe(2);
    expect(await write([series('up', { job: 'z' })], { tenantId: 'other' })).toMatchObject({
      kind: 'accepted',
    });
    clock.move(3_600_000 + 60_000);
    ingest.expire();
    expect(await write([series('up', { job: 'c' }, nowMs + 3_660_000)])).toMatchObject({
      kind: 'accepted',
    });
  });

  it('an unknown field is no way round the active series', async () => {
    const { ingest, meter } = testIngest({ policy: { maxActiveSeries: 5 } });
    let accepted = 0;
    for (let i = 0; i < 20; i += 1) {
      const inner = encodeWriteRequest([series('up', { job: String(i) })]).subarray(2);
      const writer = new Writer();
      writer.bytes(0x0a, Buffer.concat([inner, Buffer.from([0x78, 1])]));
      const outcome = await ingest.write(sender, 1, [snappy(writer.view())]);
      if (outcome.kind === 'accepted') accepted += 1;
      else expect(outcome).toMatchObject({ kind: 'over_budget', reason: 'series_budget' });
    }
    expect(accepted).toBe(5);
    expect(await meter('gaugeway_ingest_active_series{tenant_id="acme"}')).toBe(5);
  });

  it('a histogram with ever other buckets is no way round them either, and a known one passes', async () => {
    const { ingest, meter } = testIngest({ policy: { maxActiveSeries: 5 } });
    const write = (offset: number, timestamp: number) =>
      ingest.write(sender, 1, [
        snappy(
          referenceWriteRequest.encode({
            timeseries: [
              {
                labels: [{ name: '__name__', value: 'good_h' }],
                histograms: [
                  {
                    count_int: 1,
                    timestamp,
                    positive_spans: [{ offset, length: 1 }],
                    positive_deltas: [1],
                  },
                ],
              },
            ],
          }),
        ),
      ]);
    const kinds: string[] = [];
    for (const offset of [0, 1, 2, 3, 0]) {
      kinds.push((await write(offset, nowMs + kinds.length)).kind);
    }
    // The series itself, its count and its sum leave room for two buckets.
    expect(kinds).toEqual(['accepted', 'accepted', 'over_budget', 'over_budget', 'accepted']);
    expect(await meter('gaugeway_ingest_active_series{tenant_id="acme"}')).toBe(5);
  });

  it('new rules do not count the same series twice', async () => {
    const { write, ingest, meter } = testIngest({ policy: { maxActiveSeries: 2 } });
    for (let i = 0; i < 5; i += 1) {
      const two = ['a', 'b'].map((job) => series('up', { job }, nowMs + i));
      expect(await write(two)).toMatchObject({ kind: 'accepted' });
      ingest.rulesChanged();
    }
    expect(await meter('gaugeway_ingest_active_series{tenant_id="acme"}')).toBe(0);
  });
});

describe('repeats', () => {
  it('answer the same and are not forwarded again', async () => {
    const { write, batches, meter } = testIngest();
    const body = [series('up'), series('bad')];
    const first = await write(body);
    expect(await write(body)).toEqual(first);
    expect(await write([series('good_a')])).toEqual({ kind: 'accepted', written: samplesOf(1) });
    expect(await write([series('good_a')])).toEqual({
      kind: 'accepted',
      written: samplesOf(1),
      note: 'repeat',
    });
    expect(batches).toHaveLength(2);
    expect(await meter('gaugeway_ingest_repeated_samples_total{tenant_id="acme"}')).toBe(2);
  });

  it('wait for the first while it is under way', async () => {
    const { write, batches, answers } = testIngest();
    let settle: (outcome: { kind: 'accepted' }) => void = () => undefined;
    answers.push(new Promise((resolve) => (settle = resolve)));
    const all = Array.from({ length: 10 }, () => write([series('up')]));
    await new Promise(setImmediate);
    settle({ kind: 'accepted' });
    const outcomes = await Promise.all(all);
    expect(outcomes.every((outcome) => outcome.kind === 'accepted')).toBe(true);
    expect(batches).toHaveLength(1);
  });

  it('of a batch that was not taken are forwarded: overload, refusal, and a failure of ours', async () => {
    const { write, batches, answers } = testIngest();
    answers.push({ kind: 'overloaded', reason: 'queue_full', retryAfterSeconds: 3 });
    answers.push({ kind: 'refused', message: 'no' });
    answers.push(new Error('a bug'));
    expect(await write([series('up')])).toMatchObject({ kind: 'overloaded', retryAfterSeconds: 3 });
    expect(await write([series('up')])).toMatchObject({
      kind: 'invalid',
      reason: 'storage_refused',
    });
    await expect(write([series('up')])).rejects.toThrow('a bug');
    expect(await write([series('up')])).toEqual({ kind: 'accepted', written: samplesOf(1) });
    expect(batches).toHaveLength(4);
  });

  it('are another tenant’s own', async () => {
    const { write, batches } = testIngest();
    await write([series('up')]);
    await write([series('up')], { tenantId: 'other' });
    expect(batches.map(({ labels }) => labels[0]?.[1])).toEqual(['acme', 'other']);
  });
});

describe('HA pairs', () => {
  const from = (replica: string, atMs = nowMs) =>
    series('up', { cluster: 'c', __replica__: replica }, atMs);

  it('one is taken, without its replica label; the other gets a full count and is not stored', async () => {
    const { write, batches, ingest, meter } = testIngest();
    const both = (replica: string) => [
      from(replica),
      series('good_b', { cluster: 'c', __replica__: replica }),
    ];
    expect(await write(both('r1'))).toEqual({ kind: 'accepted', written: samplesOf(2) });
    expect(await write(both('r2'))).toEqual({
      kind: 'accepted',
      written: samplesOf(2),
      note: 'ha_loser',
    });
    expect(batches).toHaveLength(1);
    expect(stored(batches[0])[0]?.labels).toBe('__name__=up,cluster=c');
    expect(ingest.haLeaders('acme')).toMatchObject([{ cluster: 'c', replica: 'r1' }]);
    expect(await meter('gaugeway_ingest_ha_left_samples_total{tenant_id="acme"}')).toBe(2);
  });

  it('the loser costs the tenant neither rate nor series', async () => {
    const { write } = testIngest({
      policy: { samplesPerSecond: 1, burstSamples: 1, maxActiveSeries: 1 },
    });
    await write([from('r1')]);
    for (let i = 0; i < 3; i += 1) {
      expect(await write([from('r2', nowMs + i)])).toMatchObject({ note: 'ha_loser' });
    }
  });

  it('a batch of the loser is taken when it has become the leader', async () => {
    const { write, batches, clock } = testIngest();
    await write([from('r1')]);
    await write([from('r2')]);
    clock.move(30_001);
    expect(await write([from('r2')])).toEqual({ kind: 'accepted', written: samplesOf(1) });
    expect(batches).toHaveLength(2);
  });

  it('goes on with the database away', async () => {
    const ha = memoryHaStore();
    ha.isDown = true;
    const { write, batches, ingest } = testIngest({ ha });
    expect(await write([from('r1')])).toMatchObject({ kind: 'accepted' });
    expect(await write([from('r2')])).toMatchObject({ note: 'ha_loser' });
    expect(batches).toHaveLength(1);
    await expect(ingest.flush()).resolves.toBeUndefined();
  });
});

describe('exemplars and native histograms', () => {
  const exemplar = { labels: [{ name: 'trace', value: 'abc' }], value: 2, timestamp: nowMs };
  const histogram = {
    count_int: 6,
    sum: 10,
    schema: 0,
    zero_threshold: 0.001,
    zero_count_int: 1,
    positive_spans: [{ offset: 0, length: 2 }],
    positive_deltas: [2, 1],
    timestamp: nowMs,
  };
  const good = [{ name: '__name__', value: 'good_h' }];

  it('exemplars go to their store with the series they belong to', async () => {
    const { ingest, exemplars, batches } = testIngest();
    const body = referenceWriteRequest.encode({
      timeseries: [
        { labels: good, samples: [{ value: 1, timestamp: nowMs }], exemplars: [exemplar] },
      ],
    });
    expect(await ingest.write(sender, 1, [snappy(body)])).toEqual({
      kind: 'accepted',
      written: { samples: 1, histograms: 0, exemplars: 1 },
    });
    await ingest.flush();
    expect(exemplars).toEqual([
      {
        tenantId: 'acme',
        seriesLabels: [['__name__', 'good_h']],
        exemplar: { labels: [['trace', 'abc']], value: 2, timestampMs: nowMs },
      },
    ]);
    expect(stored(batches[0])).toHaveLength(1);
  });

  it('exemplars without a time, with long labels or outside the window are refused and counted', async () => {
    const { ingest, exemplars } = testIngest();
    const bad = [
      { ...exemplar, timestamp: 0 },
      { ...exemplar, labels: [{ name: 'trace', value: 'x'.repeat(124) }] },
      { ...exemplar, timestamp: nowMs - 7_200_000 },
      { ...exemplar, timestamp: nowMs + 7_200_000 },
      { ...exemplar, labels: [{ name: 'trace', value: 'x'.repeat(123) }] },
    ];
    const body = referenceWriteRequest.encode({ timeseries: [{ labels: good, exemplars: bad }] });
    const outcome = await ingest.write(sender, 1, [snappy(body)]);
    expect(counts(outcome)).toEqual({
      exemplar_invalid: 1,
      exemplar_labels_too_long: 1,
      too_old: 1,
      too_new: 1,
    });
    expectExact(outcome);
    await ingest.flush();
    expect(exemplars).toHaveLength(1);
  });

  it('histograms become the series that VictoriaMetrics reads', async () => {
    const { ingest, batches } = testIngest();
    const body = referenceWriteRequest.encode({
      timeseries: [{ labels: good, histograms: [histogram] }],
    });
    expect(await ingest.write(sender, 1, [snappy(body)])).toEqual({
      kind: 'accepted',
      written: { samples: 0, histograms: 1, exemplars: 0 },
    });
    expect(stored(batches[0]).map(({ labels, samples }) => [labels, samples[0]?.[0]])).toEqual([
      ['__name__=good_h_count', 6],
      ['__name__=good_h_sum', 10],
      ['__name__=good_h_bucket,vmrange=0...1.000e-03', 1],
      ['__name__=good_h_bucket,vmrange=5.000e-01...1.000e+00', 2],
      ['__name__=good_h_bucket,vmrange=1.000e+00...2.000e+00', 3],
    ]);
  });

  it('2.0 demands samples or histograms in a series, and not both', async () => {
    const { ingest } = testIngest();
    const symbols = ['', '__name__', 'good_a', 'good_b', 'good_c'];
    const sample = { value: 1, timestamp: nowMs };
    const body = referenceRequestV2.encode({
      symbols,
      timeseries: [
        { labels_refs: [1, 2] },
        { labels_refs: [1, 3], samples: [sample], histograms: [histogram] },
        { labels_refs: [1, 4], samples: [sample] },
      ],
    });
    const outcome = await ingest.write(sender, 2, [snappy(body)]);
    expect(counts(outcome)).toEqual({ no_samples: 1, mixed_samples_histograms: 1 });
    expect(outcome).toMatchObject({ written: samplesOf(2) });
    expectExact(outcome);
  });

  it('of a series that is refused are refused with it', async () => {
    const { ingest, exemplars } = testIngest({ policy: { maxActiveSeries: 0 } });
    const of = (value: string) => ({
      labels: [{ name: '__name__', value }],
      histograms: [histogram],
      exemplars: [exemplar],
    });
    const body = referenceWriteRequest.encode({ timeseries: [of('bad'), of('good_h')] });
    const outcome = await ingest.write(sender, 1, [snappy(body)]);
    expect(outcome).toMatchObject({ kind: 'over_budget', written: samplesOf(0) });
    await ingest.flush();
    expect(exemplars).toEqual([]);
  });
});

describe('the JSON batch', () => {
  const at = new Date(nowMs).toISOString();
  const metric = { metric: 'cpu.utilization', ts: at, value: 3, labels: { core: '1' } };
  const post = (metrics: unknown[]) => {
    const test = testIngest();
    return {
      ...test,
      posted: test.ingest.json({ ...sender, hostId: 'h1' }, { hostId: 'h1', metrics }),
    };
  };

  it('becomes series of the host', async () => {
    const { posted, batches } = post([
      metric,
      { ...metric, ts: nowMs - 1, labels: { host_id: 'h2', __name__: 'x' } },
    ]);
    expect((await posted).answer).toEqual({ accepted: 2, rejected: 0, errors: [] });
    expect(stored(batches[0])).toEqual([
      { labels: '__name__=good_cpu,core=1,host_id=h1', samples: [[3, nowMs]] },
      { labels: '__name__=good_cpu,host_id=h1', samples: [[3, nowMs - 1]] },
    ]);
  });

  it('says of each metric that is refused where it stood and why, and takes the rest', async () => {
    const old = new Date(nowMs - 7_200_000).toISOString();
    const { posted, batches } = post([
      null,
      { ...metric, metric: 'no.such' },
      { ...metric, ts: old },
      { ...metric, ts: 'yesterday' },
      { ...metric, value: '3' },
      { ...metric, value: 1e999 },
      { ...metric, labels: ['a'] },
      { ...metric, labels: { '': 'x' } },
      { ...metric, metric: '' },
      metric,
    ]);
    const { answer } = await posted;
    expect(answer).toMatchObject({ accepted: 1, rejected: 9 });
    expect(answer.errors.map(({ index, reason }) => [index, reason])).toEqual([
      [0, 'invalid_value'],
      [1, 'unknown_metric'],
      [2, 'too_old'],
      [3, 'invalid_timestamp'],
      [4, 'invalid_value'],
      [5, 'invalid_value'],
      [6, 'invalid_label'],
      [7, 'invalid_label'],
      [8, 'missing_name'],
    ]);
    expect(stored(batches[0])).toHaveLength(1);
  });
});
