/**
 * The snappy block format (google/snappy, format_description.txt), as remote write asks; not the framed one.
 * Own code, because a library's takes a new table and an output of six fifths of the input for each call.
 */
const tableBits = 12;
const fragmentBytes = 1 << 16;
/** Nothing is matched so near the end, so that four bytes can always be read. */
const marginBytes = 15;
/** More than any body of the agent or of an earlier version: a broken length must not take the memory. */
const maxUncompressedBytes = 32 * 1024 * 1024;

/** Table and output are kept between calls. */
export class Compressor {
  private readonly table = new Uint16Array(1 << tableBits);
  private output = Buffer.allocUnsafeSlow(8_192);
  private length = 0;

  /** What it returns is the caller's own, and no larger than it has to be. */
  compress(bytes: Uint8Array): Buffer {
    const most = 32 + bytes.length + Math.floor(bytes.length / 6);
    if (this.output.length < most) this.output = Buffer.allocUnsafeSlow(most);
    this.length = 0;
    let rest = bytes.length;
    for (; rest >= 0x80; rest >>>= 7) this.output[this.length++] = (rest & 0x7f) | 0x80;
    this.output[this.length++] = rest;
    for (let start = 0; start < bytes.length; start += fragmentBytes) {
      this.fragment(bytes.subarray(start, start + fragmentBytes));
    }
    return Buffer.from(this.output.subarray(0, this.length));
  }

  private fragment(input: Uint8Array): void {
    const { table } = this;
    table.fill(0);
    const limit = input.length - marginBytes;
    let literalFrom = 0;
    let at = 1;
    // The longer nothing matches, the larger the steps: bytes that cannot be compressed cost little.
    let misses = 32;
    while (at < limit) {
      const word = word32(input, at);
      const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - tableBits);
      const candidate = table[slot]!;
      table[slot] = at;
      if (word32(input, candidate) !== word) {
        at += misses >>> 5;
        misses += 1;
        continue;
      }
      this.putLiteral(input.subarray(literalFrom, at));
      const length = matchLength(input, candidate, at);
      this.putCopy(at - candidate, length);
      at += length;
      literalFrom = at;
      misses = 32;
    }
    this.putLiteral(input.subarray(literalFrom));
  }

  private putLiteral(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const { output } = this;
    const last = bytes.length - 1;
    if (last < 60) {
      output[this.length++] = last << 2;
    } else {
      output[this.length++] = (last < 256 ? 60 : 61) << 2;
      output[this.length++] = last & 0xff;
      if (last >= 256) output[this.length++] = last >>> 8;
    }
    output.set(bytes, this.length);
    this.length += bytes.length;
  }

  private putCopy(offset: number, length: number): void {
    const { output } = this;
    for (let rest = length; rest > 0;) {
      // At most 64 a copy, and no rest of under four, which the short form could not say.
      const part = rest > 64 ? Math.min(64, rest - 4) : rest;
      if (part < 12 && offset < 2048) {
        output[this.length++] = 1 | ((part - 4) << 2) | ((offset >>> 8) << 5);
        output[this.length++] = offset & 0xff;
      } else {
        output[this.length++] = 2 | ((part - 1) << 2);
        output[this.length++] = offset & 0xff;
        output[this.length++] = offset >>> 8;
      }
      rest -= part;
    }
  }
}

function word32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Four bytes are known to match. */
function matchLength(input: Uint8Array, candidate: number, at: number): number {
  let length = 4;
  while (at + length < input.length && input[candidate + length] === input[at + length])
    length += 1;
  return length;
}

/** Throws RangeError when the bytes are not a snappy block. */
export function uncompress(bytes: Uint8Array): Buffer {
  const { value: size, end } = readLength(bytes);
  const output = Buffer.allocUnsafeSlow(size);
  let written = 0;
  let at = end;
  while (at < bytes.length) {
    const { length, offset, next } = readElement(bytes, at);
    if (written + length > size || offset > written) throw notSnappy();
    if (offset === 0) {
      output.set(bytes.subarray(next - length, next), written);
      written += length;
    } else {
      // A copy may run into what it writes itself, so that it goes byte by byte.
      for (const stop = written + length; written < stop; written += 1) {
        output[written] = output[written - offset]!;
      }
    }
    at = next;
  }
  if (written !== size) throw notSnappy();
  return output;
}

interface Element {
  length: number;
  /** Of a copy; 0 for a literal, whose bytes end at `next`. */
  offset: number;
  next: number;
}

function readElement(bytes: Uint8Array, at: number): Element {
  const tag = bytes[at]!;
  const kind = tag & 3;
  if (kind === 0) {
    const extra = Math.max(0, (tag >>> 2) - 59);
    const length = 1 + (extra === 0 ? tag >>> 2 : readLittleEndian(bytes, at + 1, extra));
    const next = at + 1 + extra + length;
    if (next > bytes.length) throw notSnappy();
    return { length, offset: 0, next };
  }
  const extra = kind === 3 ? 4 : kind;
  const low = readLittleEndian(bytes, at + 1, extra);
  const offset = kind === 1 ? ((tag >>> 5) << 8) | low : low;
  if (offset === 0) throw notSnappy();
  const length = kind === 1 ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2);
  return { length, offset, next: at + 1 + extra };
}

function readLength(bytes: Uint8Array): { value: number; end: number } {
  let value = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * at);
    if (value > maxUncompressedBytes) break;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw notSnappy();
}

function readLittleEndian(bytes: Uint8Array, at: number, count: number): number {
  if (at + count > bytes.length) throw notSnappy();
  let value = 0;
  for (let i = count - 1; i >= 0; i -= 1) value = value * 256 + bytes[at + i]!;
  return value;
}

const notSnappy = () => new RangeError('not a snappy block');
