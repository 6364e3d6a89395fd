import { compress, uncompress } from 'snappyjs';

/**
 * Cuts a compressed WriteRequest into two of about the same number of series, for a server that finds it too
 * large; undefined when there is one series or the body is not readable.
 */
export function splitBody(body: Uint8Array): readonly [Uint8Array, Uint8Array] | undefined {
  let raw: Uint8Array;
  try {
    raw = uncompress(body);
  } catch {
    return undefined;
  }
  const starts = seriesStarts(raw);
  if (starts === undefined || starts.length < 2) return undefined;
  const middle = starts[starts.length >> 1]!;
  return [compress(raw.subarray(0, middle)), compress(raw.subarray(middle))];
}

/** Where each TimeSeries begins; undefined when the bytes are anything but a row of field 1. */
function seriesStarts(raw: Uint8Array): number[] | undefined {
  const starts: number[] = [];
  let at = 0;
  while (at < raw.length) {
    if (raw[at] !== 0x0a) return undefined;
    starts.push(at);
    at += 1;
    let length = 0;
    let factor = 1;
    for (;;) {
      const byte = raw[at++];
      if (byte === undefined || factor > 2 ** 28) return undefined;
      length += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 0x80;
    }
    at += length;
  }
  return at === raw.length ? starts : undefined;
}
