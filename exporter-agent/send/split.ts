import { ByteReader } from './bytes.ts';
import { Compressor, uncompress } from './snappy.ts';
import { symbolTag } from './symbols.ts';

const seriesTags = new Set([0x0a, 0x2a]);

/**
 * Cuts a compressed body of either version into two of about the same number of series, for a server that finds
 * it too large; each has all symbols. Undefined when there is one series or the body is not readable.
 */
export function splitBody(body: Uint8Array): readonly [Buffer, Buffer] | undefined {
  try {
    const raw = uncompress(body);
    const { symbolsEnd, starts } = layout(raw);
    if (starts.length < 2) return undefined;
    const middle = starts[starts.length >> 1]!;
    const symbols = raw.subarray(0, symbolsEnd);
    const compressor = new Compressor();
    const first = compressor.compress(raw.subarray(0, middle));
    return [first, compressor.compress(Buffer.concat([symbols, raw.subarray(middle)]))];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Throws RangeError when the bytes are anything but symbols followed by series. */
function layout(raw: Uint8Array): { symbolsEnd: number; starts: number[] } {
  const reader = new ByteReader(raw);
  const starts: number[] = [];
  let symbolsEnd = 0;
  while (!reader.done) {
    const start = reader.at;
    const tag = reader.varint();
    reader.inner();
    if (seriesTags.has(tag)) starts.push(start);
    else if (tag === symbolTag && starts.length === 0) symbolsEnd = reader.at;
    else throw new RangeError('neither symbol nor series');
  }
  return { symbolsEnd, starts };
}
