import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import type { Point } from '../../../../exporter-agent/collect/run.ts';
import { createEncoder, type EncoderOptions } from '../../../../exporter-agent/send/encode.ts';
import type { MetricMetadata } from '../../../../exporter-agent/send/metadata.ts';
import { splitBody } from '../../../../exporter-agent/send/split.ts';
import { countSeries, isVersion2, toVersion1 } from '../../../../exporter-agent/send/version-1.ts';
import { toVersion1 as toVersion1OfServer } from '../../../../src/wire/index.ts';
import { snappy, unsnappy } from '../../../support/snappy.ts';

/** prompb/io/prometheus/write/v2/types.proto and prompb/remote.proto of Prometheus, as far as the agent uses them. */
const schema = `
  syntax = "proto3"; package prometheus;
  message Request { repeated string symbols = 4; repeated TimeSeries2 timeseries = 5; }
  message TimeSeries2 { repeated uint32 refs = 1; repeated Sample samples = 2; Metadata metadata = 5; }
  message Metadata { uint32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message WriteRequest { repeated TimeSeries timeseries = 1; reserved 2; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
`;
const { root } = protobuf.parse(schema);
const options = { longs: Number, defaults: true, arrays: true };
const read = (type: string, body: Uint8Array): any => {
  const message = root.lookupType(`prometheus.${type}`);
  return message.toObject(message.decode(body), options);
};

interface Series {
  labels: [string, string][];
  samples: { value: number; timestamp: number }[];
  metadata?: { type: number; help: string; unit: string } | undefined;
}

function decode2(body: Uint8Array): { symbols: string[]; series: Series[] } {
  const { symbols, timeseries } = read('Request', body);
  const series = timeseries.map(({ refs, samples, metadata }: any) => ({
    labels: Array.from({ length: refs.length / 2 }, (_, i) => [
      symbols[refs[2 * i]],
      symbols[refs[2 * i + 1]],
    ]),
    samples,
    ...(metadata && {
      metadata: {
        type: metadata.type,
        help: symbols[metadata.helpRef],
        unit: symbols[metadata.unitRef],
      },
    }),
  }));
  return { symbols, series };
}

function decode1(body: Uint8Array): Series[] {
  return read('WriteRequest', body).timeseries.map((series: any) => ({
    labels: series.labels.map((label: any) => [label.name, label.value]),
    samples: series.samples,
  }));
}

const encoderOf = (more: Partial<EncoderOptions> = {}) =>
  createEncoder({
    labels: {},
    maxSeries: 2_000,
    metadataOf: () => undefined,
    compress: (body) => Buffer.from(body),
    ...more,
  });
const point = (value: number, labels: Point['labels'] = []): Point => ({
  name: 'cpu_core',
  value,
  labels,
});
const core = (n: number | string) => point(1, [['core', String(n)]]);
const staleHex = '09020000000000f07f';

describe('the write request', () => {
  it('is what protobufjs reads back, labels sorted and host_id on each', () => {
    const encoder = encoderOf({ labels: { host_id: 'h-1' } });
    const [body] = encoder.encode(
      [point(1.5, [['core', '0']]), { name: 'net_rx_mbps', value: 0, labels: [['device', 'ä0']] }],
      1_763_024_000_123,
    );
    expect(decode2(body!).symbols[0]).toBe('');
    expect(decode2(body!).series).toEqual([
      {
        labels: [
          ['__name__', 'cpu_core'],
          ['core', '0'],
          ['host_id', 'h-1'],
        ],
        samples: [{ value: 1.5, timestamp: 1_763_024_000_123 }],
      },
      {
        labels: [
          ['__name__', 'net_rx_mbps'],
          ['device', 'ä0'],
          ['host_id', 'h-1'],
        ],
        samples: [{ value: 0, timestamp: 1_763_024_000_123 }],
      },
    ]);
  });

  it('leaves out a label without a value', () => {
    const [body] = encoderOf().encode([point(1, [['core', '']])], 1);
    expect(decode2(body!).series[0]?.labels).toEqual([['__name__', 'cpu_core']]);
  });

  it('holds for any points, in both versions, as the agent and as the server translate it', () => {
    const anyPoint = fc.record({
      name: fc.constantFrom('cpu_core' as const, 'disk_used_pct' as const),
      value: fc.double({ noNaN: true }),
      labels: fc.uniqueArray(
        fc.tuple(fc.constantFrom('a', 'Z', 'mountpoint', 'zz'), fc.string({ minLength: 1 })),
        { selector: ([name]) => name },
      ),
    });
    fc.assert(
      fc.property(
        fc.array(anyPoint, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 0, max: 2 ** 47 }),
        (points, at) => {
          const [body] = encoderOf({ labels: { host_id: 'h' } }).encode(points, at);
          const expected = points.map(({ name, value, labels }) => ({
            labels: [['__name__', name], ['host_id', 'h'], ...labels].sort(([a], [b]) =>
              a! < b! ? -1 : 1,
            ),
            samples: [{ value, timestamp: at }],
          }));
          expect(decode2(body!).series).toEqual(expected);
          expect(decode1(toVersion1(body!))).toEqual(expected);
          const limits = { maxSymbols: 1e4, maxSeries: 1e4, maxBytes: 1e6 };
          expect(decode1(toVersion1OfServer(body!, limits))).toEqual(expected);
          expect(countSeries(body!)).toBe(points.length);
        },
      ),
    );
  });

  it('ends a series that is gone with one stale marker, and begins it anew when it is back', () => {
    const encoder = encoderOf();
    encoder.encode([core(0), core(1)], 1);
    const [gone] = encoder.encode([core(0)], 2);
    expect(countSeries(gone!)).toBe(2);
    expect(decode2(gone!).series[1]?.labels).toContainEqual(['core', '1']);
    expect(gone!.toString('hex')).toContain(staleHex);
    expect(countSeries(encoder.encode([core(0)], 3)[0]!)).toBe(1);
    expect(countSeries(encoder.encode([core(0), core(1)], 4)[0]!)).toBe(2);
  });

  it('ends with a stale marker for every series, bit for bit in both versions, and then has nothing to end', () => {
    const encoder = encoderOf();
    encoder.encode([core(0), core(1)], 1);
    const [end] = encoder.encodeEnd(2);
    for (const body of [end!, toVersion1(end!)]) {
      expect(body.toString('hex').split(staleHex).length - 1).toBe(2);
    }
    expect(encoder.encodeEnd(3)).toEqual([]);
  });

  it('goes into as many bodies as its series need, each readable by itself', () => {
    const encoder = encoderOf({ maxSeries: 10 });
    const bodies = encoder.encode(
      Array.from({ length: 25 }, (_, i) => core(i)),
      1,
    );
    expect(bodies.map((body) => countSeries(body))).toEqual([10, 10, 5]);
    const cores = bodies.flatMap((body) => decode2(body).series.map(({ labels }) => labels[1]![1]));
    expect(cores).toEqual(Array.from({ length: 25 }, (_, i) => String(i)));
  });

  it('forgets the names of series that are gone, and mixes up none', () => {
    const encoder = encoderOf();
    let largest = 0;
    for (let tick = 1; tick < 300; tick += 1) {
      const points = Array.from({ length: 20 }, (_, i) => core(`${tick}-${i}`));
      const { symbols, series } = decode2(encoder.encode(points, tick)[0]!);
      largest = Math.max(largest, symbols.length);
      const told = series.slice(0, 20).map(({ labels }) => labels[1]?.[1]);
      expect(told).toEqual(points.map(({ labels }) => labels[0]?.[1]));
      const ended = series.slice(20).map(({ labels }) => labels[1]?.[1]);
      expect(ended).toEqual(
        tick === 1 ? [] : Array.from({ length: 20 }, (_, i) => `${tick - 1}-${i}`),
      );
    }
    expect(largest).toBeLessThan(600);
  });
});

describe('metadata', () => {
  const table: Record<string, MetricMetadata> = {
    cpu_core: { kind: 'gauge', unit: '%', help: 'Share of one core.' },
    agent_sent_batches_total: { kind: 'counter', unit: '', help: 'Batches sent.' },
  };
  const points: Point[] = [
    core(0),
    core(1),
    { name: 'agent_sent_batches_total', value: 1, labels: [] },
  ];
  const told = (body: Buffer) => decode2(body).series.map(({ metadata }) => metadata);

  it('tells type, unit and help of each series with the first tick and every ten minutes', () => {
    const encoder = encoderOf({ metadataOf: (name) => table[name] });
    const gauge = { type: 2, help: 'Share of one core.', unit: '%' };
    const counter = { type: 1, help: 'Batches sent.', unit: '' };
    const all = [gauge, gauge, counter];
    const none = [undefined, undefined, undefined];
    const at = (ms: number) => told(encoder.encode(points, 1_000_000 + ms)[0]!);
    expect(at(0)).toEqual(all);
    expect(at(5_000)).toEqual(none);
    expect(at(599_999)).toEqual(none);
    expect(at(600_000)).toEqual(all);
    expect(at(605_000)).toEqual(none);
  });

  it('leaves its texts out of all other ticks', () => {
    const encoder = encoderOf({ metadataOf: (name) => table[name] });
    encoder.encode(points, 0);
    expect(decode2(encoder.encode(points, 5_000)[0]!).symbols).not.toContain('Batches sent.');
  });
});

describe('a body that is too large', () => {
  const body = (n: number) =>
    snappy(
      encoderOf().encode(
        Array.from({ length: n }, (_, i) => core(i)),
        9,
      )[0] ?? Buffer.of(),
    );

  it.each([2, 3, 77])('of %i series is cut into two that hold all of them', (n) => {
    const [first, second] = splitBody(body(n))!.map((half) => unsnappy(half));
    const both = [...decode2(first!).series, ...decode2(second!).series];
    expect(both).toEqual(decode2(unsnappy(body(n))).series);
    expect(countSeries(first!)).toBe(n >> 1);
  });

  it('of remote write 1.0, from an earlier version in the spool, is cut too', () => {
    const old = toVersion1(unsnappy(body(5)));
    expect(isVersion2(old)).toBe(false);
    const halves = splitBody(snappy(old))!.map((half) => unsnappy(half));
    expect(Buffer.concat(halves).equals(old)).toBe(true);
  });

  it.each([0, 1])('of %i series cannot be cut', (n) => {
    expect(splitBody(body(n))).toBeUndefined();
  });

  it('is never cut out of garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const parts = splitBody(snappy(bytes));
        if (parts === undefined) return;
        const [first, second] = parts.map((part) => unsnappy(part));
        expect(countSeries(first!) + countSeries(second!)).toBe(countSeries(bytes));
      }),
    );
    expect(splitBody(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))).toBeUndefined();
  });
});

describe('the translation to remote write 1.0', () => {
  it('refuses what does not refer to its own symbols', () => {
    const [body] = encoderOf().encode([core(0)], 1);
    const refs = body!.indexOf(Buffer.from([0x0a, 0x04]));
    body![refs + 2] = 0x7f;
    expect(() => toVersion1(body!)).toThrow(RangeError);
  });
});
