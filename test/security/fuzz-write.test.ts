import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import type { IngestOutcome } from '../../src/ingest/index.ts';
import {
  encodeWriteRequest,
  referenceRequestV2,
  referenceWriteRequest,
  type Series,
} from '../../src/wire/index.ts';
import { nowMs, sender, series, testIngest } from '../support/ingest.ts';
import { block, snappy, unsnappy } from '../support/snappy.ts';
import { decodeByReference } from '../support/write-requests.ts';

const kinds: IngestOutcome['kind'][] = [
  'accepted',
  'partial',
  'invalid',
  'unsupported',
  'over_budget',
  'overloaded',
];

/** What is left afterwards is held by somebody. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** Mulberry32: small, and the same on every machine. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const labels = [
  { name: '__name__', value: 'good_a' },
  { name: 'job', value: 'x' },
];
const sample = { value: 1.5, timestamp: nowMs };

/** Bodies as senders make them, each with something that the pipeline treats in its own way. */
const goodSeries: Series[][] = [
  [series('good_a', { job: 'x' }), series('good_b', { job: 'y' })],
  [series('bad_name', { job: 'x' }), series('up')],
  [series('up', { tenant: 'other', vm_account_id: '7' })],
  [series('up', { cluster: 'c', __replica__: 'r1' })],
  [series('good_old', {}, nowMs - 7_200_000), series('good_now')],
  [
    {
      labels: [
        ['b', ''],
        ['a', '1'],
        ['__name__', 'up'],
      ],
      samples: [{ value: 2, timestampMs: nowMs }],
    },
  ],
];
const goodBodies: [version: 1 | 2, body: Buffer][] = [
  ...goodSeries.map((one): [1, Buffer] => [1, encodeWriteRequest(one)]),
  [
    1,
    referenceWriteRequest.encode({
      timeseries: [
        {
          labels,
          samples: [sample],
          exemplars: [{ labels: [{ name: 'trace', value: 'abc' }], value: 1, timestamp: nowMs }],
        },
        {
          labels: [{ name: '__name__', value: 'good_h' }],
          histograms: [
            {
              count_int: 3,
              sum: 1,
              schema: 1,
              timestamp: nowMs,
              positive_spans: [{ offset: 0, length: 2 }],
              positive_deltas: [1, 1],
            },
          ],
        },
      ],
      metadata: [{ type: 1, metric_family_name: 'good_a', help: 'h' }],
    }),
  ],
  [
    2,
    referenceRequestV2.encode({
      symbols: ['', '__name__', 'good_a', 'job', 'x', 'tenant', 'other'],
      timeseries: [
        { labels_refs: [1, 2, 3, 4], samples: [{ ...sample, start_timestamp: 1 }] },
        { labels_refs: [1, 2, 5, 6], samples: [sample], metadata: { type: 2, help_ref: 4 } },
      ],
    }),
  ],
];

type Random = (below: number) => number;

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

function mutate(body: Buffer, random: Random): Buffer {
  const changed = Buffer.from(body);
  const at = random(Math.max(1, changed.length));
  switch (random(6)) {
    case 0:
      for (let i = 0; i <= random(4); i += 1) {
        const place = random(changed.length);
        changed[place] = (changed[place] ?? 0) ^ (1 << random(8));
      }
      return changed;
    case 1:
      return changed.subarray(0, at);
    case 2:
      return Buffer.concat([
        changed.subarray(0, at),
        randomBytes(random, random(8)),
        changed.subarray(at),
      ]);
    case 3: {
      const other = goodBodies[random(goodBodies.length)]?.[1] ?? changed;
      return Buffer.concat([changed.subarray(0, at), other.subarray(random(other.length))]);
    }
    case 4:
      // Lengths and tags are small numbers: setting one is the likeliest way to a plausible lie.
      changed[at] = random(40);
      return changed;
    default:
      return Buffer.concat([changed.subarray(0, at), changed.subarray(at + 1 + random(3))]);
  }
}

/** Fields with small numbers and lengths that mostly fit. */
function randomProtobuf(random: Random, depth = 0): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < random(5); i += 1) {
    const field = 1 + random(6);
    const wire = [0, 1, 2, 2, 2, 2, 5][random(7)] ?? 2;
    const tag = Buffer.of((field << 3) | wire);
    if (wire === 0) parts.push(tag, Buffer.of(random(128)));
    else if (wire === 1) parts.push(tag, randomBytes(random, 8));
    else if (wire === 5) parts.push(tag, randomBytes(random, 4));
    else {
      const inner = depth > 3 ? randomBytes(random, random(10)) : randomProtobuf(random, depth + 1);
      const lie = random(30) === 0 ? 1 : 0;
      parts.push(tag, Buffer.of((inner.length + lie) & 0x7f), inner.subarray(0, 127));
    }
  }
  return Buffer.concat(parts);
}

function nextBody(random: Random): { version: 1 | 2; body: Buffer } {
  const [version, good] = goodBodies[random(goodBodies.length)] ?? [1, Buffer.alloc(0)];
  const asSent = random(20) === 0 ? (version === 1 ? 2 : 1) : version;
  switch (random(8)) {
    case 0:
      return { version: asSent, body: randomBytes(random, random(60)) };
    case 1:
      return { version: asSent, body: snappy(randomProtobuf(random)) };
    case 2:
      return { version: asSent, body: mutate(snappy(good), random) };
    case 3:
      return { version: asSent, body: block(2 ** random(33), ...randomBytes(random, random(20))) };
    case 4:
      return { version: asSent, body: snappy(good) };
    default:
      return { version: asSent, body: snappy(mutate(good, random)) };
  }
}

const allowed = /^(?:up|good_.*)$/;
const forbidden = new Set(['tenant', '__replica__', 'vm_account_id', 'vm_project_id']);

/** Throws where a forwarded body holds anything that must not be in the store. */
function judgeForwarded(body: Buffer): number {
  const { timeseries } = decodeByReference(unsnappy(body));
  for (const one of timeseries) {
    const names = one.labels.map(({ name }) => name);
    const metric = one.labels.find(({ name }) => name === '__name__')?.value ?? '';
    if (!allowed.test(metric)) throw new Error(`not whitelisted: ${metric}`);
    if (names.some((name) => forbidden.has(name) || name === '')) throw new Error(names.join());
    if (new Set(names).size !== names.length) throw new Error(`label twice: ${names.join()}`);
    for (const { timestamp } of one.samples) {
      const isInWindow = timestamp >= nowMs - 3_660_000 && timestamp <= nowMs + 360_000;
      if (!isInWindow) throw new Error(`outside the window: ${String(timestamp)}`);
    }
  }
  return timeseries.length;
}

describe('the write path against 100,000 hostile bodies', () => {
  const bodies = 110_000;
  const seen = new Map<string, number>();
  let forwardedSeries = 0;

  it('answers each with an outcome of the closed list, forwards nothing unlawful, and keeps no memory', async () => {
    const random = randomFrom(20_261_122);
    const { ingest, batches, ledger, exemplars, metadata } = testIngest();
    const memory = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
    const before = memory();
    let most = 0;
    for (let i = 0; i < bodies; i += 1) {
      const { version, body } = nextBody(random);
      const mode = (['reject', 'drop'] as const)[random(2)] ?? 'reject';
      let outcome: IngestOutcome;
      try {
        outcome = await ingest.write({ ...sender, whitelistMode: mode }, version, [body]);
      } catch (error) {
        throw new Error(`body ${String(i)} threw: ${body.toString('hex')}`, { cause: error });
      }
      seen.set(outcome.kind, (seen.get(outcome.kind) ?? 0) + 1);
      for (const batch of batches.splice(0)) {
        forwardedSeries += judgeForwarded(Buffer.concat(batch.body));
        if (batch.labels[0]?.[1] !== 'acme') throw new Error('another tenant');
      }
      if (i % 5_000 === 0) {
        await ingest.flush();
        for (const rows of [ledger, exemplars, metadata]) rows.length = 0;
        collectGarbage();
        most = Math.max(most, memory() - before);
      }
    }
    expect(
      [...seen.keys()].filter((kind) => !kinds.includes(kind as IngestOutcome['kind'])),
    ).toEqual([]);
    expect(most).toBeLessThan(32 * 1024 * 1024);
  });

  afterAll(() => {
    // Guards the fuzzer itself: one that reaches only the first check proves nothing.
    expect(seen.get('accepted')).toBeGreaterThan(5_000);
    expect(seen.get('partial')).toBeGreaterThan(5_000);
    expect(seen.get('invalid')).toBeGreaterThan(20_000);
    expect(forwardedSeries).toBeGreaterThan(10_000);
  });
});

describe('bodies made to exhaust', () => {
  const maxDecodedBytes = 8 << 20;
  const { ingest } = testIngest({
    config: { maxDecodedBytes, maxSeriesPerRequest: 10_000 },
    policy: { samplesPerSecond: Number.MAX_SAFE_INTEGER, burstSamples: Number.MAX_SAFE_INTEGER },
  });
  const head = Buffer.concat([
    Buffer.of(0x0a),
    ...['__name__', 'up'].map((text, i) =>
      Buffer.concat([
        i === 0 ? Buffer.of(16) : Buffer.alloc(0),
        Buffer.of(i === 0 ? 0x0a : 0x12, text.length),
        Buffer.from(text),
      ]),
    ),
  ]);
  const label = Buffer.concat([Buffer.of(0x0a, 14), head.subarray(2)]);
  const varint = (value: number) => block(value);
  const timeSeries = (content: Buffer) =>
    Buffer.concat([Buffer.of(0x0a), varint(content.length), content]);
  const filled = (tag: number, bytes: number) => Buffer.alloc(bytes, Buffer.of(tag, 0));
  const room = maxDecodedBytes - 64;

  /** One symbol of a hundred kilobytes, referred to as often as fits. */
  const symbolBomb = () => {
    const symbols = ['', 'a', 'b'.repeat(100_000)];
    const refs = Array.from({ length: 1_900 }, (_, i) => (i % 2) + 1);
    return referenceRequestV2.encode({
      symbols,
      timeseries: Array.from({ length: 500 }, () => ({ labels_refs: refs, samples: [sample] })),
    });
  };
  /** Histograms of two thousand buckets under labels of kilobytes. */
  const histogramBomb = () => {
    const deltas = [1, ...Array<number>(1_999).fill(0)];
    const one = {
      labels: [
        ...labels,
        ...Array.from({ length: 15 }, (_, i) => ({
          name: `l${String(i)}`,
          value: 'v'.repeat(250),
        })),
      ].sort((a, b) => (a.name < b.name ? -1 : 1)),
      histograms: [
        {
          count_int: 2_000,
          schema: 0,
          timestamp: nowMs,
          positive_spans: [{ offset: 0, length: 2_000 }],
          positive_deltas: deltas,
        },
      ],
    };
    return referenceWriteRequest.encode({ timeseries: Array.from({ length: 1_000 }, () => one) });
  };

  it.each<[string, 1 | 2, () => Buffer]>([
    ['empty series', 1, () => filled(0x0a, room)],
    ['empty labels in one series', 1, () => timeSeries(filled(0x0a, room))],
    [
      'empty labels beside an unknown field',
      1,
      () => timeSeries(Buffer.concat([Buffer.of(0x78, 1), filled(0x0a, room)])),
    ],
    [
      'empty samples in one series',
      1,
      () => timeSeries(Buffer.concat([label, filled(0x12, room)])),
    ],
    [
      'empty samples beside an unknown field',
      1,
      () => timeSeries(Buffer.concat([label, filled(0x12, room), Buffer.of(0x78, 1)])),
    ],
    [
      'empty exemplars in one series',
      1,
      () => timeSeries(Buffer.concat([label, filled(0x1a, room)])),
    ],
    [
      'empty histograms in one series',
      1,
      () => timeSeries(Buffer.concat([label, filled(0x22, room)])),
    ],
    [
      'empty exemplars in many series',
      1,
      () =>
        Buffer.concat(
          Array.from({ length: 9_000 }, () =>
            timeSeries(Buffer.concat([label, filled(0x1a, 800)])),
          ),
        ),
    ],
    [
      'empty histograms in many series',
      1,
      () =>
        Buffer.concat(
          Array.from({ length: 9_000 }, () =>
            timeSeries(Buffer.concat([label, filled(0x22, 800)])),
          ),
        ),
    ],
    ['empty metadata', 1, () => filled(0x1a, room)],
    ['unknown fields', 1, () => filled(0x3a, room)],
    ['a symbol that is used a million times', 2, symbolBomb],
    ['symbols', 2, () => filled(0x22, room)],
    [
      'label references',
      2,
      () =>
        Buffer.concat([
          Buffer.of(0x22, 0, 0x2a),
          varint(room - 10),
          Buffer.of(0x0a),
          varint(room - 20),
          Buffer.alloc(room - 20),
        ]),
    ],
    ['histograms that unfold', 1, histogramBomb],
  ])('%s: refused with a bounded amount of memory and work', async (_, version, make) => {
    const body = snappy(make());
    const used = () => process.memoryUsage().rss;
    const before = used();
    const cpu = process.cpuUsage();
    const outcome = await ingest.write(sender, version, [body]);
    const { user } = process.cpuUsage(cpu);
    expect(['invalid', 'partial', 'accepted']).toContain(outcome.kind);
    expect(used() - before).toBeLessThan(160 * 1024 * 1024);
    // CPU seconds, not time: loosely bounds what one body may hold everybody up for.
    expect(user).toBeLessThan(5_000_000);
  });

  it('a bomb of 4 GiB in a few bytes is refused unread', async () => {
    const bomb = block(0xffff_ffff, 0, 65);
    expect(await ingest.write(sender, 1, [bomb])).toMatchObject({
      kind: 'invalid',
      reason: 'too_large',
    });
  });
});
