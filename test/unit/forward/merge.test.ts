import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodedBytes, mergeBlocks } from '../../../src/forward/merge.ts';
import { createDecodeKernel } from '../../../src/wire/index.ts';
import { snappy, unsnappy } from '../../support/snappy.ts';

const kernel = createDecodeKernel({ maxDecodedBytes: 1 << 20, maxSeries: 10, maxKnownSeries: 10 });

/** A block in pieces, as a socket delivers it. */
const pieces = (block: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [...new Set(cuts.map((cut) => cut % (block.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...places, block.length];
  return edges.slice(1).map((end, i) => block.subarray(edges[i], end));
};

const part = fc.record({
  content: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(60))
      .map(([piece, times]) =>
        Uint8Array.from(Array.from({ length: times }, () => [...piece]).flat()),
      ),
  ),
  cuts: fc.array(fc.nat(1000), { maxLength: 3 }),
  byKernel: fc.boolean(),
});

describe('joining snappy blocks', () => {
  it('gives one block of the joined contents, whoever compressed them and however they were cut', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        const blocks = parts.map(({ content, cuts, byKernel }) =>
          pieces(byKernel ? kernel.compress(content) : snappy(content), cuts),
        );
        const whole = Buffer.concat(parts.map(({ content }) => content));
        const merged = mergeBlocks(blocks);
        expect(unsnappy(merged)).toEqual(whole);
        kernel.load([merged]);
        expect(kernel.decompress()).toBe('ok');
        expect(Buffer.from(kernel.decodedBytes())).toEqual(whole);
        expect(blocks.map((one) => decodedBytes(one))).toEqual(
          parts.map(({ content }) => content.length),
        );
      }),
      { numRuns: 500 },
    );
  });
});
