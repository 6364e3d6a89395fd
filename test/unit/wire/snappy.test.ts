import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecodeKernel } from '../../../src/wire/index.ts';
import { block, snappy, unsnappy } from '../../support/snappy.ts';

const kernel = createDecodeKernel({
  maxDecodedBytes: 256 * 1024,
  maxSeries: 10,
  maxKnownSeries: 10,
});

function decompress(body: Uint8Array): Buffer | 'corrupt' | 'too_large' {
  kernel.load([body]);
  const outcome = kernel.decompress();
  return outcome === 'ok' ? Buffer.from(kernel.decodedBytes()) : outcome;
}

/** Text that repeats itself at every distance, as label bytes do. */
const repetitive = fc
  .array(
    fc.record({
      piece: fc.uint8Array({ minLength: 1, maxLength: 70 }),
      times: fc.integer({ min: 1, max: 40 }),
    }),
    { maxLength: 30 },
  )
  .map((runs) =>
    Buffer.concat(
      runs.flatMap(({ piece, times }) => Array<Buffer>(times).fill(Buffer.from(piece))),
    ),
  );
const content = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  repetitive,
);

describe('snappy in the kernel', () => {
  it('decodes what snappyjs encodes', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        expect(decompress(snappy(bytes))).toEqual(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('encodes what snappyjs and itself decode', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const compressed = kernel.compress(bytes);
        expect(unsnappy(compressed)).toEqual(bytes);
        expect(decompress(compressed)).toEqual(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it.each([0, 1, 59, 60, 61, 255, 256, 257, 65_535, 65_536, 65_537, 200_000])(
    'carries %i bytes that do not repeat',
    (length) => {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 13));
      expect(unsnappy(kernel.compress(bytes))).toEqual(bytes);
      expect(decompress(snappy(bytes))).toEqual(bytes);
    },
  );

  it.each([1, 2, 3, 4])('reads a literal whose length takes %i bytes', (lengthBytes) => {
    const length = lengthBytes === 1 ? 200 : lengthBytes === 2 ? 3_000 : 70_000;
    const bytes = Buffer.alloc(length, 'abcdefg');
    const lengthField = Buffer.alloc(4);
    lengthField.writeUInt32LE(length - 1);
    const element = [(59 + lengthBytes) << 2, ...lengthField.subarray(0, lengthBytes)];
    expect(decompress(Buffer.concat([block(length, ...element), bytes]))).toEqual(bytes);
  });

  it('repeats a pattern where a copy overlaps itself', () => {
    for (let offset = 1; offset <= 20; offset += 1) {
      const literal = Array.from({ length: offset }, (_, i) => 65 + i);
      const body = block(offset + 60, (offset - 1) << 2, ...literal, (59 << 2) | 2, offset, 0);
      const expected = Buffer.from(
        Array.from({ length: offset + 60 }, (_, i) => 65 + (i % offset)),
      );
      expect(decompress(body)).toEqual(expected);
    }
  });

  it.each<[string, Buffer]>([
    ['nothing at all', Buffer.alloc(0)],
    ['a length that does not end', Buffer.alloc(5, 0xff)],
    ['a length of ten bytes', Buffer.from([...Array<number>(9).fill(0x80), 1])],
    ['a length of six bytes for one byte', Buffer.from([0x81, 0x80, 0x80, 0x80, 0x80, 0, 0, 65])],
    ['a length beyond 32 bits', Buffer.from([0x80, 0x80, 0x80, 0x80, 0x10])],
    ['a length of eleven bytes', Buffer.from([...Array<number>(10).fill(0x80), 0])],
    ['an offset of 0', block(8, 0, 65, (3 << 2) | 2, 0, 0)],
    ['an offset of 0 in the short form', block(8, 0, 65, 1, 0)],
    ['an offset of 0 in the long form', block(8, 0, 65, (3 << 2) | 3, 0, 0, 0, 0)],
    ['an offset before the start', block(8, 0, 65, (3 << 2) | 2, 2, 0)],
    ['an offset far before the start', block(8, 0, 65, (3 << 2) | 3, 0xff, 0xff, 0xff, 0xff)],
    ['a copy first', block(4, (3 << 2) | 2, 1, 0)],
    ['a copy beyond the declared length', block(4, 0, 65, (9 << 2) | 2, 1, 0)],
    ['a literal beyond the declared length', block(1, 1 << 2, 65, 66)],
    ['a literal beyond the input', block(100, 50 << 2, 65)],
    ['a literal of 4 GiB', block(100, 63 << 2, 0xff, 0xff, 0xff, 0xff, 65)],
    ['a literal length cut off', block(100, 62 << 2, 1)],
    ['fewer bytes than declared', block(2, 0, 65)],
    ['bytes behind the end', block(1, 0, 65, 0)],
    ['an element behind the end', block(1, 0, 65, 0, 66)],
  ])('refuses %s', (_, body) => {
    expect(decompress(body)).toBe('corrupt');
  });

  it.each([0x7fff_ffff, 0xffff_ffff, 256 * 1024 + 1])(
    'refuses a declared length of %i before it decodes',
    (declared) => {
      expect(decompress(block(declared, 0, 65))).toBe('too_large');
    },
  );

  it('refuses a block cut off at any byte', () => {
    const whole = snappy(Buffer.from('label=value,'.repeat(40) + 'something else'.repeat(3)));
    for (let length = 0; length < whole.length; length += 1) {
      expect(decompress(whole.subarray(0, length))).toBe('corrupt');
    }
    expect(decompress(whole)).toBeInstanceOf(Buffer);
  });

  it('agrees with snappyjs on every body with one byte changed', () => {
    const whole = snappy(Buffer.from('label=value,'.repeat(20)));
    for (let at = 1; at < whole.length; at += 1) {
      for (let value = 0; value < 256; value += 1) {
        const changed = Buffer.from(whole);
        changed[at] = value;
        const mine = decompress(changed);
        // snappyjs is laxer about what follows the last element, so it may only accept more.
        if (mine instanceof Buffer) expect(mine.equals(unsnappy(changed))).toBe(true);
      }
    }
  });

  it('takes a body in any pieces', () => {
    const bytes = Buffer.from('one two three one two three');
    const whole = snappy(bytes);
    for (let at = 0; at <= whole.length; at += 1) {
      kernel.load([whole.subarray(0, at), whole.subarray(at)]);
      expect(kernel.decompress()).toBe('ok');
      expect(Buffer.from(kernel.decodedBytes())).toEqual(bytes);
    }
  });
});
