import { encodeWriteRequest, type Series } from '../../src/wire/index.ts';

const stepMs = 15_000;

/** Last sample of the made-up history: a whole minute, some minutes ago. */
export function historyEnd(nowMs: number): number {
  return Math.floor((nowMs - 180_000) / 60_000) * 60_000;
}

/** Forty minutes at 15 s of gauges, counters and a histogram; figures are whole, so that sums are exact. */
export function madeHistory(
  endMs: number,
  extra: readonly (readonly [string, string])[] = [],
): Series[] {
  const count = 160;
  const series = (
    name: string,
    labels: Readonly<Record<string, string>>,
    value: (index: number) => number,
  ): Series => ({
    labels: [...Object.entries({ ...labels, __name__: name }), ...extra].sort(([a], [b]) =>
      a < b ? -1 : 1,
    ),
    samples: Array.from({ length: count }, (_, index) => ({
      value: value(index),
      timestampMs: endMs - (count - 1 - index) * stepMs,
    })),
  });
  const hosts = ['h1', 'h2', 'h3'];
  return [
    ...hosts.map((host, n) =>
      series('up', { host_id: host, job: 'node' }, () => (n === 2 ? 0 : 1)),
    ),
    ...hosts.map((host, n) =>
      series('load', { host_id: host, zone: n < 2 ? 'a' : 'b' }, (i) => (i % 7) + n),
    ),
    ...hosts.map((host, n) =>
      series('requests_total', { host_id: host, Upper: 'x' }, (i) => i * (n + 1) * 10),
    ),
    ...['0.1', '1', '+Inf'].map((le, n) =>
      series('latency_bucket', { host_id: 'h1', le }, (i) => i * (n + 2)),
    ),
    series('alone', {}, (i) => i),
    series('quoted', { path: 'a"b\\c\n{"metric":{', unicode: 'żółć €' }, () => 3),
  ];
}

/** Remote write 1.0 to Prometheus and VictoriaMetrics alike; one post per series, each in order of time. */
export async function writeHistory(url: string, series: readonly Series[]): Promise<void> {
  for (const one of series) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' },
      body: snappyLiterals(encodeWriteRequest([one])),
    });
    if (!answer.ok) throw new Error(`write failed: ${answer.status} ${await answer.text()}`);
  }
}

/** Snappy block format without any compression: the length, then literals of up to 64 KiB. */
function snappyLiterals(content: Buffer): Buffer {
  const parts: Buffer[] = [];
  let length = content.length;
  while (length > 0x7f) {
    parts.push(Buffer.of((length & 0x7f) | 0x80));
    length >>>= 7;
  }
  parts.push(Buffer.of(length));
  for (let at = 0; at < content.length; at += 0x10000) {
    const piece = content.subarray(at, at + 0x10000);
    parts.push(Buffer.of(61 << 2, (piece.length - 1) & 0xff, (piece.length - 1) >> 8), piece);
  }
  return Buffer.concat(parts);
}
