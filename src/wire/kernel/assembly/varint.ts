// Protobuf varints over linear memory. `cursor` is the second return value that the language lacks.

/** Set by `readVarint` to the byte after the varint, or to 0 where there was none before `end`. */
export let cursor: usize = 0;

/** Up to ten bytes, as protobuf's encoding guide says; `cursor` is 0 when it does not end before `end`. */
export function readVarint(at: usize, end: usize): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  while (at < end && shift < 70) {
    const byte = <u64>load<u8>(at);
    at++;
    // The tenth byte may carry one bit only: more would not fit 64 bits.
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor = at;
      return value;
    }
    shift += 7;
  }
  cursor = 0;
  return 0;
}

/** The byte after the field whose tag starts at `at`, or 0 where it is malformed (groups are: proto3 has none). */
export function skipField(at: usize, end: usize): usize {
  const tag = readVarint(at, end);
  if (cursor == 0 || tag >> 3 == 0 || tag > 0xffffffff) return 0;
  const wire = <u32>(tag & 7);
  let next = cursor;
  if (wire == 0) {
    readVarint(next, end);
    return cursor;
  }
  if (wire == 1) {
    next += 8;
  } else if (wire == 5) {
    next += 4;
  } else if (wire == 2) {
    const length = readVarint(next, end);
    if (cursor == 0 || length > <u64>(end - cursor)) return 0;
    next = cursor + <usize>length;
  } else {
    return 0;
  }
  return next <= end ? next : 0;
}

/** Writes a 32-bit varint, returns the byte after it. */
export function writeVarint(at: usize, value: u32): usize {
  while (value >= 0x80) {
    store<u8>(at, <u8>(value | 0x80));
    value >>= 7;
    at++;
  }
  store<u8>(at, <u8>value);
  return at + 1;
}
