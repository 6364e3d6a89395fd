import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeWriteRequest,
  readMetadata,
  Reader,
  referenceWriteRequest,
  Writer,
  writeMetadata,
  type Label,
} from '../../../src/wire/index.ts';

const whole = fc.oneof(
  fc.constantFrom(0, 1, 127, 128, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);

describe('varints', () => {
  it('unsigned ones come back', () => {
    fc.assert(
      fc.property(whole, (value) => {
        const writer = new Writer(1);
        writer.varint(value);
        const reader = new Reader(writer.finish());
        expect(reader.varint()).toBe(value);
        expect(reader.done).toBe(true);
      }),
    );
  });

  it('int64 comes back, negative ones in ten bytes as protobuf has it', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(0, -1, Number.MIN_SAFE_INTEGER), fc.maxSafeInteger()),
        (value) => {
          const writer = new Writer(1);
          writer.int64(value);
          if (value < 0) expect(writer.size).toBe(10);
          expect(new Reader(writer.finish()).int64()).toBe(value);
        },
      ),
    );
  });

  it('sint64 is zigzag', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }), (value) => {
        const writer = new Writer();
        writer.varint(value >= 0 ? value * 2 : -value * 2 - 1);
        expect(new Reader(writer.finish()).sint64()).toBe(value);
      }),
    );
  });

  it.each<[string, number[], keyof Reader, string]>([
    ['one cut off', [0x80], 'varint', 'past the end'],
    ['one of eleven bytes', [...Array<number>(10).fill(0x80), 0], 'varint', 'exceeds 64 bits'],
    ['one beyond 64 bits', [...Array<number>(9).fill(0xff), 2], 'varint', 'exceeds 64 bits'],
    ['a tag beyond 32 bits', [0x80, 0x80, 0x80, 0x80, 0x10], 'uint32', 'exceeds 32 bits'],
    ['a double cut off', [1, 2, 3], 'double', 'past the end'],
    ['a field cut off', [3, 1, 2], 'message', 'past the end'],
    ['a length of 4 GiB', [0xff, 0xff, 0xff, 0xff, 0x0f, 1], 'message', 'past the end'],
  ])('refuses %s', (_, bytes, method, message) => {
    const reader = new Reader(Buffer.from(bytes));
    expect(() => (reader[method] as () => unknown)()).toThrow(message);
  });

  it('the largest int64 and the smallest are read near enough to be judged', () => {
    const largest = [...Array<number>(8).fill(0xff), 0x7f];
    expect(new Reader(Buffer.from(largest)).int64()).toBe(2 ** 63);
    const smallest = [...Array<number>(9).fill(0x80), 1];
    expect(new Reader(Buffer.from(smallest)).int64()).toBe(-(2 ** 63));
  });

  it('skips a field of every wire type, and nothing that proto3 lacks', () => {
    for (const [tag, ...rest] of [
      [0x08, 0x80, 1],
      [0x09, ...Array<number>(8).fill(0)],
      [0x0a, 2, 0, 0],
      [0x0d, 0, 0, 0, 0],
    ]) {
      const reader = new Reader(Buffer.from(rest));
      reader.skip(tag ?? 0);
      expect(reader.done).toBe(true);
      expect(() => new Reader(Buffer.from(rest.slice(0, -1))).skip(tag ?? 0)).toThrow();
    }
    for (const tag of [0, 2, 0x0b, 0x0c, 0x0e, 0x0f]) {
      expect(() => new Reader(Buffer.alloc(20)).skip(tag)).toThrow();
    }
  });
});

describe('the writer', () => {
  it('writes nested messages of any length, in a buffer that has to grow', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 1, 100, 126, 127, 128, 129, 16_382, 16_384, 70_000), {
          maxLength: 4,
        }),
        (lengths) => {
          const writer = new Writer(1);
          const content = lengths.map((length) => Buffer.alloc(length, length));
          writer.message(0x0a, () => {
            for (const one of content) writer.message(0x12, () => writer.raw(one));
          });
          const outer = new Reader(writer.finish());
          expect(outer.uint32()).toBe(0x0a);
          const inner = outer.message();
          expect(outer.done).toBe(true);
          for (const one of content) {
            expect(inner.uint32()).toBe(0x12);
            const { start, end } = inner.range();
            expect(inner.bytes.subarray(start, end).equals(one)).toBe(true);
          }
          expect(inner.done).toBe(true);
        },
      ),
      // A short message that ends where the buffer ends.
      { numRuns: 60, examples: [[[129, 127, 126, 1]]] },
    );
  });

  it('a view is overwritten after a reset, a finished copy is not', () => {
    const writer = new Writer();
    writer.text(0x0a, 'first');
    const copy = writer.finish();
    const view = writer.view();
    writer.reset();
    writer.text(0x0a, 'other');
    expect(copy.toString()).toContain('first');
    expect(view.toString()).toContain('other');
  });
});

describe('encoding a WriteRequest', () => {
  const text = fc.string({ maxLength: 20, unit: 'grapheme' });
  const series = fc.record({
    labels: fc.array(fc.tuple(text, text), { maxLength: 5 }),
    samples: fc.array(fc.record({ value: fc.double(), timestampMs: fc.maxSafeInteger() }), {
      maxLength: 5,
    }),
  });

  it('is read by the reference as what it was', () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 5 }), (all) => {
        const decoded = referenceWriteRequest.decode(encodeWriteRequest(all));
        expect(decoded['timeseries']).toEqual(
          all.map(({ labels, samples }) => ({
            labels: labels.map(([name, value]: Label) => ({ name, value })),
            samples: samples.map(({ value, timestampMs }) => ({ value, timestamp: timestampMs })),
            exemplars: [],
            histograms: [],
          })),
        );
      }),
    );
  });

  it('metadata comes back from ours and from the reference’s encoding, unknown types as unknown', () => {
    const entry = { metric: 'up', type: 'counter', help: 'h ä', unit: 's' } as const;
    const writer = new Writer();
    writeMetadata(writer, entry);
    expect(readMetadata(writer.finish(), 10)).toEqual([entry]);
    const bytes = referenceWriteRequest.encode({
      timeseries: [{}],
      metadata: [
        { type: 5, metric_family_name: 'a' },
        { type: 99, metric_family_name: 'b', help: 'h' },
        { type: 1, metric_family_name: 'c' },
      ],
    });
    expect(readMetadata(bytes, 2)).toEqual([
      { metric: 'a', type: 'summary', help: '', unit: '' },
      { metric: 'b', type: 'unknown', help: 'h', unit: '' },
    ]);
  });
});
