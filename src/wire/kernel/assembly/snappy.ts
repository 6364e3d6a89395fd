// Snappy block format (google/snappy format_description.txt), both directions.
// Every buffer has 64 bytes of slack behind it, so copies run in whole 16-byte steps.

import { cursor, readVarint, writeVarint } from './varint';

export const CORRUPT: i32 = -1;
export const TOO_LARGE: i32 = -2;

/** The declared length is a 32-bit varint; a longer spelling of it is no snappy. */
const MAX_HEADER_BYTES: usize = 5;

/** Copies `length` bytes forward in 16-byte steps; may write up to 15 bytes more. */
@inline
function wildCopy(to: usize, from: usize, length: usize): void {
  const stop = to + length;
  do {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  } while (to < stop);
}

/** A copy whose source overlaps its target: the format says byte by byte, so a short offset repeats a pattern. */
function patternCopy(to: usize, offset: usize, length: usize): void {
  const stop = to + length;
  while (to < stop) {
    store<u8>(to, load<u8>(to - offset));
    to++;
  }
}

/** Decoded bytes, CORRUPT, or TOO_LARGE; the declared length is judged before a byte is written. */
export function decompress(input: usize, inputLength: usize, output: usize, limit: u32): i32 {
  const inputEnd = input + inputLength;
  const declared = readVarint(input, inputEnd);
  if (cursor == 0 || cursor - input > MAX_HEADER_BYTES || declared > 0xffffffff) return CORRUPT;
  if (declared > <u64>limit) return TOO_LARGE;
  let from = cursor;
  let to = output;
  const outputEnd = output + <usize>declared;
  while (from < inputEnd) {
    const tag = <u32>load<u8>(from);
    from++;
    let length: usize;
    let offset: usize;
    const kind = tag & 3;
    if (kind == 0) {
      length = <usize>(tag >> 2) + 1;
      if (length > 60) {
        const extra = length - 60;
        if (extra > <usize>(inputEnd - from)) return CORRUPT;
        const mask: u32 = 0xffffffff >> ((4 - <u32>extra) * 8);
        length = <usize>(load<u32>(from) & mask) + 1;
        from += extra;
        // 2³² bytes wrap to 0 in 32-bit addresses.
        if (length == 0) return CORRUPT;
      }
      if (length > inputEnd - from || length > outputEnd - to) return CORRUPT;
      wildCopy(to, from, length);
      from += length;
      to += length;
      continue;
    }
    if (kind == 1) {
      if (from >= inputEnd) return CORRUPT;
      length = <usize>((tag >> 2) & 7) + 4;
      offset = (<usize>(tag >> 5) << 8) | <usize>load<u8>(from);
      from += 1;
    } else if (kind == 2) {
      if (inputEnd - from < 2) return CORRUPT;
      length = <usize>(tag >> 2) + 1;
      offset = <usize>load<u16>(from);
      from += 2;
    } else {
      if (inputEnd - from < 4) return CORRUPT;
      length = <usize>(tag >> 2) + 1;
      offset = <usize>load<u32>(from);
      from += 4;
    }
    if (offset == 0 || offset > to - output || length > outputEnd - to) return CORRUPT;
    if (offset >= 16) wildCopy(to, to - offset, length);
    else patternCopy(to, offset, length);
    to += length;
  }
  return to == outputEnd ? <i32>declared : CORRUPT;
}

const HASH_BITS: u32 = 14;

@inline
function slotOf(word: u32): usize {
  return <usize>((word * 0x1e35a7bd) >> (32 - HASH_BITS));
}

@inline
function emitLiteral(to: usize, from: usize, length: usize): usize {
  if (length == 0) return to;
  const n = <u32>length - 1;
  if (n < 60) {
    store<u8>(to, <u8>(n << 2));
    to += 1;
  } else if (n < 0x100) {
    store<u8>(to, 60 << 2);
    store<u8>(to + 1, <u8>n);
    to += 2;
  } else if (n < 0x10000) {
    store<u8>(to, 61 << 2);
    store<u16>(to + 1, <u16>n);
    to += 3;
  } else {
    store<u8>(to, 63 << 2);
    store<u32>(to + 1, n);
    to += 5;
  }
  memory.copy(to, from, length);
  return to + length;
}

@inline
function emitCopy(to: usize, offset: u32, length: u32): usize {
  while (length > 0) {
    // A last piece of under 4 bytes has no short form, so 64 is split as 60 + 4 and more.
    const piece: u32 = length > 64 ? (length < 68 ? 60 : 64) : length;
    if (piece >= 4 && piece < 12 && offset < 2048) {
      store<u8>(to, <u8>(((offset >> 8) << 5) | ((piece - 4) << 2) | 1));
      store<u8>(to + 1, <u8>offset);
      to += 2;
    } else {
      store<u8>(to, <u8>(((piece - 1) << 2) | 2));
      store<u16>(to + 1, <u16>offset);
      to += 3;
    }
    length -= piece;
  }
  return to;
}

/** Compresses `length` bytes; `table` is 64 KiB of scratch. Returns the compressed length. */
export function compress(input: usize, length: usize, output: usize, table: usize): i32 {
  let to = writeVarint(output, <u32>length);
  const end = input + length;
  let literal = input;
  let at = input;
  memory.fill(table, 0, (1 << HASH_BITS) * 4);
  const last = length >= 16 ? end - 15 : input;
  let misses: u32 = 32;
  while (at < last) {
    const word = load<u32>(at);
    const slot = table + (slotOf(word) << 2);
    const candidate = input + <usize>load<u32>(slot);
    store<u32>(slot, <u32>(at - input));
    const offset = at - candidate;
    if (offset == 0 || offset > 65535 || load<u32>(candidate) != word) {
      at += <usize>(misses >> 5);
      misses++;
      continue;
    }
    misses = 32;
    let matched: usize = 4;
    while (at + matched + 8 <= end) {
      const difference = load<u64>(at + matched) ^ load<u64>(candidate + matched);
      if (difference != 0) {
        matched += <usize>(ctz(difference) >> 3);
        break;
      }
      matched += 8;
    }
    to = emitLiteral(to, literal, at - literal);
    to = emitCopy(to, <u32>offset, <u32>matched);
    at += matched;
    literal = at;
  }
  to = emitLiteral(to, literal, end - literal);
  return <i32>(to - output);
}
