import { GaugewayError } from '../../platform/index.ts';

const newline = 0x0a;

/** The lines of a stream, without their ends. UNAVAILABLE for one that is longer than the limit. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (;;) {
      const to = chunk.indexOf(newline, from);
      const piece = chunk.subarray(from, to === -1 ? chunk.length : to);
      bytes += piece.length;
      if (bytes > maxBytes) {
        throw new GaugewayError('UNAVAILABLE', `a line of more than ${String(maxBytes)} bytes`);
      }
      if (piece.length > 0) begun.push(piece);
      if (to === -1) break;
      if (bytes > 0) yield begun.length === 1 ? begun[0]! : Buffer.concat(begun);
      begun = [];
      bytes = 0;
      from = to + 1;
    }
  }
  if (bytes > 0) yield Buffer.concat(begun);
}
