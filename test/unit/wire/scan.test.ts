import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDecodeKernel,
  readLabels,
  readSeries,
  referenceWriteRequest,
  seriesFlag,
  Writer,
} from '../../../src/wire/index.ts';
import {
  decodeByReference,
  writeRequest,
  writeRequestBytes,
  type DecodedRequest,
} from '../../support/write-requests.ts';

const kernel = createDecodeKernel({
  maxDecodedBytes: 1 << 20,
  maxSeries: 100,
  maxKnownSeries: 1000,
});
const minTimestampMs = 1_650_000_000_000;
const maxTimestampMs = 1_750_000_000_000;

function scan(bytes: Uint8Array, maxLabels = 1000) {
  kernel.loadDecoded(bytes);
  return kernel.scan({ scope: 1, minute: 1, minTimestampMs, maxTimestampMs, maxLabels });
}

/** A message whose fields the reference wrote, with its fields put in another order. */
function shuffled(bytes: Buffer, random: () => number): Buffer {
  const fields: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const next = endOfField(bytes, at);
    fields.push(bytes.subarray(at, next));
    at = next;
  }
  for (let i = fields.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [fields[i], fields[j]] = [fields[j] ?? Buffer.alloc(0), fields[i] ?? Buffer.alloc(0)];
  }
  return Buffer.concat(fields);
}

function endOfField(bytes: Buffer, at: number): number {
  const wire = (bytes[at] ?? 0) & 7;
  let next = at + 1;
  if (wire === 1) return next + 8;
  if (wire === 5) return next + 4;
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[next] ?? 0;
    next += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return wire === 2 ? next + value : next;
}

/** Field 15 in every wire type, which no version of the protocol knows. */
const unknownField = fc.constantFrom(
  Buffer.from([0x78, 0x96, 0x01]),
  Buffer.from([0x79, 1, 2, 3, 4, 5, 6, 7, 8]),
  Buffer.from([0x7a, 3, 0x0a, 0x0a, 0x12]),
  Buffer.from([0x7d, 1, 2, 3, 4]),
);

function compare(expected: DecodedRequest): void {
  expect(kernel.totals.series).toBe(expected.timeseries.length);
  let usualSamples = 0;
  for (const [i, series] of expected.timeseries.entries()) {
    const content = readSeries(kernel.seriesBytes(i));
    expect(content.labels).toEqual(series.labels.map(({ name, value }) => [name, value]));
    expect(
      content.samples.map(({ bits, timestampMs }) => [bits.readDoubleLE(), timestampMs]),
    ).toEqual(series.samples.map(({ value, timestamp }) => [value, timestamp]));
    expect(content.histograms).toHaveLength(series.histograms.length);
    expect(content.exemplars).toHaveLength(series.exemplars.length);
    if ((kernel.flagsOf(i) & seriesFlag.unusual) !== 0) continue;
    usualSamples += 1;
    expect(readLabels(kernel.labelBytes(i))).toEqual(content.labels);
    expect(kernel.samplesOf(i)).toBe(series.samples.length);
    const old = series.samples.filter(({ timestamp }) => timestamp < minTimestampMs).length;
    const early = series.samples.filter(({ timestamp }) => timestamp > maxTimestampMs).length;
    expect([kernel.tooOldOf(i), kernel.tooNewOf(i)]).toEqual([old, early]);
    const has = (flag: number) => (kernel.flagsOf(i) & flag) !== 0;
    expect(has(seriesFlag.outOfWindow)).toBe(old + early > 0);
    expect(has(seriesFlag.noSamples)).toBe(series.samples.length === 0);
    expect(has(seriesFlag.histograms)).toBe(series.histograms.length > 0);
    expect(has(seriesFlag.exemplars)).toBe(series.exemplars.length > 0);
  }
  expect(usualSamples).toBeLessThanOrEqual(expected.timeseries.length);
}

describe('the scan against the reference decoder', () => {
  it('sees what the reference sees in any request that the reference encodes', () => {
    fc.assert(
      fc.property(writeRequest, (request) => {
        const bytes = referenceWriteRequest.encode(request);
        expect(scan(bytes)).toBe('ok');
        const decoded = decodeByReference(bytes);
        compare(decoded);
        const samples = decoded.timeseries.flatMap((series) => series.samples);
        expect(kernel.totals.samples).toBe(samples.length);
        expect((kernel.totals.flags & seriesFlag.metadata) !== 0).toBe(request.metadata.length > 0);
        expect(kernel.totals.flags & seriesFlag.unusual).toBe(0);
        expect(kernel.totals.nanSamples).toBe(
          samples.filter(({ value }) => Number.isNaN(value)).length,
        );
      }),
      { numRuns: 400 },
    );
  });

  it('reads fields in any order, with unknown ones between, as the reference does', () => {
    const series = writeRequestBytes.filter((bytes) => bytes.length > 0);
    fc.assert(
      fc.property(
        series,
        unknownField,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (bytes, unknown, stream) => {
          const random = () => stream.next().value as number;
          const writer = new Writer();
          for (let at = 0; at < bytes.length;) {
            const next = endOfField(bytes, at);
            const length = bytes.subarray(at, next);
            if (length[0] === 0x0a) {
              const body = length.subarray(endOfField(length, 0) - contentLength(length));
              writer.bytes(0x0a, shuffled(Buffer.concat([body, unknown]), random));
            } else writer.raw(length);
            writer.raw(unknown);
            at = next;
          }
          const odd = writer.finish();
          expect(scan(odd)).toBe('ok');
          compare(decodeByReference(odd));
          expect(kernel.totals.flags & seriesFlag.unusual).toBe(seriesFlag.unusual);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('accepts no body, cut off anywhere or with one bit turned, that the reference refuses', () => {
    fc.assert(
      fc.property(writeRequestBytes, fc.nat(), fc.nat({ max: 7 }), (bytes, place, bit) => {
        const cut = bytes.subarray(0, bytes.length === 0 ? 0 : place % bytes.length);
        const turned = Buffer.from(bytes);
        if (turned.length > 0) {
          const at = place % turned.length;
          turned[at] = (turned[at] ?? 0) ^ (1 << bit);
        }
        for (const body of [cut, turned]) expectNoMoreThanReference(body);
      }),
      { numRuns: 2_000 },
    );
  });

  it('accepts no random bytes that the reference refuses', () => {
    const byte = fc.oneof(
      fc.constantFrom(0x0a, 0x12, 0x09, 0x10, 0x1a, 0x22, 0, 1, 2, 4),
      fc.nat(255),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
        expectNoMoreThanReference(Buffer.from(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each<[string, number[]]>([
    ['a sample tag as the last byte of a series', [0x0a, 1, 0x12]],
    ['a label tag as the last byte of a series', [0x0a, 1, 0x0a]],
    ['a series tag as the last byte', [0x0a]],
    ['a length of 2³²−1', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a length of 2⁶³', [0x0a, ...Array<number>(9).fill(0x80), 1]],
    ['a varint of eleven bytes', [0x0a, ...Array<number>(10).fill(0x80), 0]],
    ['a group', [0x0a, 1, 0x0b]],
    ['field number 0', [0x00, 0x00]],
    ['a series under a longer tag', [0x8a, 0x00, 0x00]],
    ['a series as a varint', [0x08, 0x01]],
    ['metadata under a longer tag', [0x9a, 0x00, 0x00]],
    ['a value cut off', [0x0a, 4, 0x12, 2, 0x09, 1]],
  ])('refuses %s', (_, bytes) => {
    expect(scan(Buffer.from(bytes))).toBe('malformed');
  });

  it('counts neither the stale marker nor a zero for NaN, but every other payload', () => {
    const nan = (low: number, high: number) => {
      const bits = Buffer.alloc(8);
      bits.writeUInt32LE(low, 0);
      bits.writeUInt32LE(high, 4);
      return bits;
    };
    const writer = new Writer();
    writer.message(0x0a, () => {
      const all = [nan(2, 0x7ff00000), nan(1, 0x7ff80000), nan(2, 0xfff00000), nan(0, 0x7ff00000)];
      for (const bits of all) {
        writer.message(0x12, () => {
          writer.byte(0x09);
          writer.raw(bits);
        });
      }
    });
    expect(scan(writer.view())).toBe('ok');
    expect(kernel.totals.nanSamples).toBe(2);
  });

  it('stops at the limit of series, and marks a series over the limit of labels', () => {
    const one = referenceWriteRequest.encode({ timeseries: [{}] });
    expect(scan(Buffer.concat(Array<Buffer>(100).fill(one)))).toBe('ok');
    expect(scan(Buffer.concat(Array<Buffer>(101).fill(one)))).toBe('too_many_series');
    const labels = Array.from({ length: 5 }, (_, i) => ({ name: `l${String(i)}`, value: 'v' }));
    scan(referenceWriteRequest.encode({ timeseries: [{ labels }] }), 5);
    expect(kernel.flagsOf(0) & seriesFlag.tooManyLabels).toBe(0);
    scan(referenceWriteRequest.encode({ timeseries: [{ labels }] }), 4);
    expect(kernel.flagsOf(0) & seriesFlag.tooManyLabels).toBe(seriesFlag.tooManyLabels);
  });

  it('unfolds no series of millions of empty messages into objects', () => {
    for (const tag of [0x0a, 0x12, 0x1a, 0x22]) {
      const empties = Buffer.alloc(2 * 250_000, Buffer.from([tag, 0]));
      expect(() => readSeries(empties)).toThrow('too many');
    }
  });
});

/** Length of the content of the length-delimited field that the bytes are. */
function contentLength(field: Buffer): number {
  let value = 0;
  for (let at = 1, shift = 0; ; at += 1, shift += 7) {
    const byte = field[at] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
}

/** The scan looks at structure only: what it accepts is read by `readSeries`, which must refuse what the reference does. */
function expectNoMoreThanReference(body: Buffer): void {
  if (scan(body) !== 'ok') return;
  const count = kernel.totals.series;
  try {
    for (let i = 0; i < count; i += 1) readSeries(kernel.seriesBytes(i));
  } catch {
    return;
  }
  if ((kernel.totals.flags & seriesFlag.metadata) !== 0) return;
  expect(decodeByReference(body).timeseries).toHaveLength(count);
}
