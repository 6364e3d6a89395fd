import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Compressor, uncompress } from '../../../../exporter-agent/send/snappy.ts';
import { block, snappy, unsnappy } from '../../../support/snappy.ts';

/** Bytes that repeat themselves near and far, as label sets do. */
const texts = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 90 }), fc.integer({ min: 1, max: 40 })), {
    maxLength: 12,
  })
  .map((parts) => Buffer.concat(parts.flatMap(([bytes, n]) => Array(n).fill(bytes) as Buffer[])));

describe("the agent's snappy", () => {
  it('writes what the library reads, and reads what the library writes', () => {
    const compressor = new Compressor();
    fc.assert(
      fc.property(texts, (bytes) => {
        const packed = compressor.compress(bytes);
        expect(unsnappy(packed).equals(bytes)).toBe(true);
        expect(uncompress(packed).equals(bytes)).toBe(true);
        expect(uncompress(snappy(bytes)).equals(bytes)).toBe(true);
      }),
    );
  });

  it.each([0, 1, 14, 15, 16, 60, 61, 256, 257, 65_535, 65_536, 65_537, 200_000])(
    'holds for %i bytes',
    (size) => {
      for (const bytes of [Buffer.alloc(size, 'a'), Buffer.from(noise(size))]) {
        const packed = new Compressor().compress(bytes);
        expect(unsnappy(packed).equals(bytes)).toBe(true);
        expect(packed.length).toBeLessThanOrEqual(32 + size + size / 6);
      }
    },
  );

  it('makes a tick of labels as small as the library does, give or take a tenth', () => {
    const bytes = Buffer.from(
      Array.from(
        { length: 300 },
        (_, i) => `node_network_receive_bytes_total device eth${i};`,
      ).join(),
    );
    expect(new Compressor().compress(bytes).length).toBeLessThan(snappy(bytes).length * 1.1);
  });

  it('gives each caller bytes of its own', () => {
    const compressor = new Compressor();
    const first = compressor.compress(Buffer.from('first'));
    compressor.compress(Buffer.from('other'));
    expect(uncompress(first).toString()).toBe('first');
  });

  it.each<[string, Buffer]>([
    ['no bytes', Buffer.alloc(0)],
    ['a length that does not end', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['a length beyond reason', block(1e9, 0)],
    ['a literal that is cut off', block(5, 16, 97)],
    ['a copy from before the start', block(8, 0, 97, 0b001_000_01, 9)],
    ['a copy of offset 0', block(8, 0, 97, 0b000_000_01, 0)],
    ['fewer bytes than declared', block(9, 0, 97)],
    ['more bytes than declared', block(1, 4, 97, 97)],
  ])('refuses %s', (_, bytes) => {
    expect(() => uncompress(bytes)).toThrow(RangeError);
  });

  it('never does anything with garbage but refuse it or read what the library reads', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let read: Buffer;
        try {
          read = uncompress(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(unsnappy(bytes).equals(read)).toBe(true);
      }),
    );
  });
});

/** Does not repeat itself. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 1;
  for (let i = 0; i < size; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}
