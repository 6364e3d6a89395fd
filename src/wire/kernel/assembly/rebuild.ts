// Writes a WriteRequest that keeps only what was accepted: refused series gone, samples outside the window gone,
// exemplars and histograms gone (they travel otherwise), reserved labels removed where the verdict says so.

import { RECORD_BYTES } from './scan';
import { cursor, readVarint, skipField, writeVarint } from './varint';

const PASS: u32 = 1;
const STRIP: u32 = 2;
const OBSERVED: u32 = 4;
const CLEAN_MASK: u32 = 1 | 2 | 8 | 16;

/** True when the label at `at` (a Label message of `length` bytes) has one of the names at `names`. */
function isReserved(at: usize, length: usize, names: usize): bool {
  if (length < 2 || load<u8>(at) != 0x0a) return false;
  readVarint(at + 1, at + length);
  const nameAt = cursor;
  const nameLength = <u32>readVarint(at + 1, at + length);
  while (true) {
    const candidate = <u32>load<u8>(names);
    if (candidate == 0) return false;
    if (candidate == nameLength && memory.compare(nameAt, names + 1, nameLength) == 0) return true;
    names += <usize>candidate + 1;
  }
}

function copyLabels(from: usize, end: usize, to: usize, names: usize): usize {
  while (from < end) {
    const length = <usize>readVarint(from + 1, end);
    const content = cursor;
    const next = content + length;
    if (!isReserved(content, length, names)) {
      memory.copy(to, from, next - from);
      to += next - from;
    }
    from = next;
  }
  return to;
}

function timestampOf(at: usize, end: usize): i64 {
  if (at < end && load<u8>(at) == 0x09) at += 9;
  return at < end ? <i64>readVarint(at + 1, end) : 0;
}

function copySamples(from: usize, end: usize, to: usize, minimum: i64, maximum: i64): usize {
  while (from < end) {
    const next = skipField(from, end);
    if (load<u8>(from) == 0x12) {
      readVarint(from + 1, end);
      const timestamp = timestampOf(cursor, next);
      if (timestamp >= minimum && timestamp <= maximum) {
        memory.copy(to, from, next - from);
        to += next - from;
      }
    }
    from = next;
  }
  return to;
}

/** Bytes written at `output`; `names` is a list of length-prefixed label names ending in a zero byte. */
export function rebuild(
  records: usize,
  series: u32,
  output: usize,
  names: usize,
  minTimestamp: f64,
  maxTimestamp: f64,
): u32 {
  let to = output;
  const minimum = <i64>minTimestamp;
  const maximum = <i64>maxTimestamp;
  for (let i: u32 = 0; i < series; i++) {
    const record = records + <usize>i * RECORD_BYTES;
    let verdict = load<u32>(record, 16);
    if (verdict == OBSERVED) verdict = PASS;
    if (verdict != PASS && verdict != STRIP) continue;
    const start = <usize>load<u32>(record);
    const end = <usize>load<u32>(record, 4);
    const labelsEnd = <usize>load<u32>(record, 8);
    const flags = load<u32>(record, 20);
    if (verdict == PASS && (flags & CLEAN_MASK) == 0) {
      store<u8>(to, 0x0a);
      to = writeVarint(to + 1, <u32>(end - start));
      memory.copy(to, start, end - start);
      to += end - start;
      continue;
    }
    // The length comes first and is known last: the content is written behind the widest header and moved down.
    const content = to + 6;
    let at = content;
    if (verdict == STRIP) {
      at = copyLabels(start, labelsEnd, at, names);
    } else {
      memory.copy(at, start, labelsEnd - start);
      at += labelsEnd - start;
    }
    const beforeSamples = at;
    at = copySamples(labelsEnd, end, at, minimum, maximum);
    if (at == beforeSamples) continue;
    store<u8>(to, 0x0a);
    to = writeVarint(to + 1, <u32>(at - content));
    memory.copy(to, content, at - content);
    to += at - content;
  }
  return <u32>(to - output);
}
