import fc from 'fast-check';
import protobuf from 'protobufjs';
import { compress, uncompress } from 'snappyjs';
import { describe, expect, it } from 'vitest';
import type { Point } from '../../../../exporter-agent/collect/run.ts';
import { createEncoder } from '../../../../exporter-agent/send/encode.ts';
import { splitBody } from '../../../../exporter-agent/send/split.ts';

/** prompb/remote.proto and types.proto of Prometheus, as far as remote write 1.0 uses them. */
const schema = `
  syntax = "proto3"; package prometheus;
  message WriteRequest { repeated TimeSeries timeseries = 1; reserved 2; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
`;
const WriteRequest = protobuf.parse(schema).root.lookupType('prometheus.WriteRequest');

interface Series {
  labels: [string, string][];
  samples: { value: number; timestamp: number }[];
}

function decode(body: Uint8Array): Series[] {
  const message = WriteRequest.toObject(WriteRequest.decode(body), {
    longs: Number,
    defaults: true,
  }) as any;
  return (message.timeseries ?? []).map((series: any) => ({
    labels: series.labels.map((label: any) => [label.name, label.value]),
    samples: series.samples.map((s: any) => ({ value: s.value, timestamp: s.timestamp })),
  }));
}

const point = (value: number, labels: Point['labels'] = []): Point => ({
  name: 'cpu_core',
  value,
  labels,
});
const staleBytes = Buffer.from('020000000000f07f', 'hex');

describe('the write request', () => {
  it('is what protobufjs reads back, labels sorted and host_id on each', () => {
    const encoder = createEncoder({ host_id: 'h-1' });
    const { body, series } = encoder.encode(
      [point(1.5, [['core', '0']]), { name: 'net_rx_mbps', value: 0, labels: [['device', 'ä0']] }],
      1_763_024_000_123,
    );
    expect(series).toBe(2);
    expect(decode(body)).toEqual([
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
    const { body } = createEncoder({}).encode([point(1, [['core', '']])], 1);
    expect(decode(body)[0]?.labels).toEqual([['__name__', 'cpu_core']]);
  });

  it('holds for any points', () => {
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
        fc.array(anyPoint, { maxLength: 60 }),
        fc.integer({ min: 0, max: 2 ** 47 }),
        (points, at) => {
          const { body } = createEncoder({ host_id: 'h' }).encode(points, at);
          const expected = points.map(({ name, value, labels }) => ({
            labels: [['__name__', name], ['host_id', 'h'], ...labels].sort(([a], [b]) =>
              a! < b! ? -1 : 1,
            ),
            samples: [{ value, timestamp: at }],
          }));
          expect(decode(body).slice(0, points.length)).toEqual(expected);
        },
      ),
    );
  });

  it('ends a series that is gone with one stale marker, and begins it anew when it is back', () => {
    const encoder = createEncoder({});
    const core = (n: string) => point(1, [['core', n]]);
    encoder.encode([core('0'), core('1')], 1);
    const gone = encoder.encode([core('0')], 2);
    expect(gone.series).toBe(2);
    expect(decode(gone.body)[1]?.labels).toContainEqual(['core', '1']);
    expect(Buffer.from(gone.body).includes(staleBytes)).toBe(true);
    const after = encoder.encode([core('0')], 3);
    expect(after.series).toBe(1);
    expect(encoder.encode([core('0'), core('1')], 4).series).toBe(2);
  });

  it('ends with a stale marker for every series, bit for bit, and then has nothing to end', () => {
    const encoder = createEncoder({});
    encoder.encode([point(1, [['core', '0']]), point(2, [['core', '1']])], 1);
    const end = encoder.encodeEnd(2);
    expect(end?.series).toBe(2);
    const hex = Buffer.from(end!.body).toString('hex');
    expect(hex.split('09020000000000f07f').length - 1).toBe(2);
    expect(encoder.encodeEnd(3)).toBeUndefined();
  });
});

describe('a body that is too large', () => {
  const body = (n: number) =>
    compress(
      createEncoder({}).encode(
        Array.from({ length: n }, (_, i) => point(i, [['core', `${i}`]])),
        9,
      ).body,
    );

  it.each([2, 3, 77])('of %i series is cut into two that hold all of them', (n) => {
    const [first, second] = splitBody(body(n))!;
    const both = [...decode(uncompress(first)), ...decode(uncompress(second))];
    expect(both).toEqual(decode(uncompress(body(n))));
    expect(decode(uncompress(first)).length).toBe(n >> 1);
  });

  it.each([0, 1])('of %i series cannot be cut', (n) => {
    expect(splitBody(body(n))).toBeUndefined();
  });

  it('is never cut out of garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const parts = splitBody(compress(bytes));
        if (parts === undefined) return;
        const joined = Buffer.concat(parts.map((part) => uncompress(part)));
        expect(joined.equals(Buffer.from(bytes))).toBe(true);
      }),
    );
    expect(splitBody(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))).toBeUndefined();
  });
});
