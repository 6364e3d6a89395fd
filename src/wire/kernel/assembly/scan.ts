// One pass over a decoded remote-write 1.0 WriteRequest: structure, timestamps, known series.
// Field numbers: WriteRequest{timeseries=1, metadata=3}; TimeSeries{labels=1, samples=2, exemplars=3, histograms=4};
// Sample{value=1 double, timestamp=2 int64}.

import { fingerprint } from './hash';
import { lookup } from './table';
import { cursor, readVarint, skipField } from './varint';

export const MALFORMED: i32 = -3;
export const TOO_MANY_SERIES: i32 = -4;

/** Record of one series, RECORD_BYTES each: see `kernel.ts` for the words. */
export const RECORD_BYTES: usize = 32;

export const HAS_HISTOGRAMS: u32 = 1;
export const HAS_EXEMPLARS: u32 = 2;
export const HAS_METADATA: u32 = 4;
export const UNUSUAL: u32 = 8;
export const OUT_OF_WINDOW: u32 = 16;
export const NO_SAMPLES: u32 = 32;
export const TOO_MANY_LABELS: u32 = 64;

// What a scan found, read by the host through `summary`.
let sampleCount: u32 = 0;
let unknownCount: u32 = 0;
let notPassed: u32 = 0;
let allFlags: u32 = 0;
let nanCount: u32 = 0;

// The window and limits of the request at hand.
let minimum: i64 = 0;
let maximum: i64 = 0;
let labelLimit: u32 = 0;

// Results of `scanSamples`.
let samples: u32 = 0;
let flags: u32 = 0;
let tooOld: u32 = 0;
let tooNew: u32 = 0;

/** The value of a varint of exactly six bytes: every millisecond from 1971 to 2109. */
@inline
function sixByteVarint(word: u64): i64 {
  return <i64>(
    ((word & 0x7f) |
      ((word & 0x7f00) >> 1) |
      ((word & 0x7f0000) >> 2) |
      ((word & 0x7f000000) >> 3) |
      ((word & 0x7f00000000) >> 4) |
      ((word & 0x7f0000000000) >> 5))
  );
}

/** Judges one Sample message; false where it is malformed. */
@inline
function scanSample(at: usize, end: usize): bool {
  let bits: u64 = 0;
  let timestamp: i64 = 0;
  if (at < end && load<u8>(at) == 0x09) {
    if (end - at < 9) return false;
    bits = load<u64>(at, 1);
    at += 9;
  }
  if (at < end && load<u8>(at) == 0x10) {
    at++;
    const word = load<u64>(at);
    if ((word & 0x0000808080808080) == 0x0000008080808080 && end - at == 6) {
      timestamp = sixByteVarint(word);
      at += 6;
    } else {
      timestamp = <i64>readVarint(at, end);
      if (cursor == 0) return false;
      at = cursor;
    }
  }
  // Fields in another order, twice, or unknown: lawful protobuf that no sender makes. The host decodes it.
  if (at != end) flags |= UNUSUAL;
  samples++;
  if (timestamp < minimum) tooOld++;
  else if (timestamp > maximum) tooNew++;
  if (
    (bits & 0x7ff0000000000000) == 0x7ff0000000000000 &&
    (bits & 0x000fffffffffffff) != 0 &&
    bits != 0x7ff0000000000002
  ) {
    nanCount++;
  }
  return true;
}

/** Walks what follows the labels of a TimeSeries; false where it is malformed. */
function scanSamples(at: usize, end: usize): bool {
  samples = 0;
  flags = 0;
  tooOld = 0;
  tooNew = 0;
  while (at < end) {
    const tag = load<u8>(at);
    if (tag == 0x12) {
      // The tag alone at the very end: what lies behind it is not this series'.
      if (end - at < 2) return false;
      const length = <usize>load<u8>(at, 1);
      if (length < 0x80) {
        at += 2;
        if (length > end - at || !scanSample(at, at + length)) return false;
        at += length;
      } else {
        const long = readVarint(at + 1, end);
        if (cursor == 0 || long > <u64>(end - cursor)) return false;
        const from = cursor;
        at = from + <usize>long;
        if (!scanSample(from, at)) return false;
      }
      continue;
    }
    if (tag == 0x1a) flags |= HAS_EXEMPLARS;
    else if (tag == 0x22) flags |= HAS_HISTOGRAMS;
    else flags |= UNUSUAL;
    at = skipField(at, end);
    if (at == 0) return false;
  }
  if (tooOld + tooNew > 0) flags |= OUT_OF_WINDOW;
  if (samples == 0) flags |= NO_SAMPLES;
  return true;
}

/** The byte after the leading run of labels, or 0 where it is malformed. */
@inline
function skipLabels(at: usize, end: usize): usize {
  let labels: u32 = 0;
  while (at < end && load<u8>(at) == 0x0a) {
    const length = <usize>load<u8>(at, 1);
    if (length < 0x80) {
      at += 2 + length;
    } else {
      const long = readVarint(at + 1, end);
      if (cursor == 0 || long > <u64>(end - cursor)) return 0;
      at = cursor + <usize>long;
    }
    if (at > end) return 0;
    labels++;
  }
  if (labels > labelLimit) flags |= TOO_MANY_LABELS;
  return at;
}

/**
 * Number of series, or MALFORMED, or TOO_MANY_SERIES. Fills one record a series at `records`.
 * `minTimestamp` and `maxTimestamp` are milliseconds, both allowed.
 */
export function scan(
  at: usize,
  length: usize,
  records: usize,
  scope: u32,
  minute: u32,
  minTimestamp: f64,
  maxTimestamp: f64,
  maxSeries: u32,
  maxLabels: u32,
): i32 {
  minimum = <i64>minTimestamp;
  maximum = <i64>maxTimestamp;
  labelLimit = maxLabels;
  sampleCount = 0;
  unknownCount = 0;
  notPassed = 0;
  allFlags = 0;
  nanCount = 0;
  let series: u32 = 0;
  let record = records;
  const end = at + length;
  while (at < end) {
    if (load<u8>(at) != 0x0a) {
      const isMetadata = load<u8>(at) == 0x1a;
      // A series or metadata under another spelling of its tag would be passed over here and read elsewhere.
      const field = readVarint(at, end) >> 3;
      if (cursor == 0 || (!isMetadata && (field == 1 || field == 3))) return MALFORMED;
      allFlags |= isMetadata ? HAS_METADATA : UNUSUAL;
      at = skipField(at, end);
      if (at == 0) return MALFORMED;
      continue;
    }
    const size = readVarint(at + 1, end);
    if (cursor == 0 || size > <u64>(end - cursor)) return MALFORMED;
    if (series == maxSeries) return TOO_MANY_SERIES;
    const start = cursor;
    at = start + <usize>size;
    flags = 0;
    const labelsEnd = skipLabels(start, at);
    if (labelsEnd == 0) return MALFORMED;
    const labelFlags = flags;
    if (!scanSamples(labelsEnd, at)) return MALFORMED;
    flags |= labelFlags;
    let verdict: u32 = 0;
    if ((flags & (UNUSUAL | TOO_MANY_LABELS)) == 0) {
      fingerprint(start, labelsEnd - start, scope);
      verdict = lookup(scope, minute);
    }
    if (verdict == 0) unknownCount++;
    else if (verdict != 1) notPassed++;
    sampleCount += samples;
    allFlags |= flags;
    store<u32>(record, <u32>start);
    store<u32>(record, <u32>at, 4);
    store<u32>(record, <u32>labelsEnd, 8);
    store<u32>(record, samples, 12);
    store<u32>(record, verdict, 16);
    store<u32>(record, flags, 20);
    store<u32>(record, tooOld, 24);
    store<u32>(record, tooNew, 28);
    record += RECORD_BYTES;
    series++;
  }
  return <i32>series;
}

/** Writes the scan's totals: samples, unknown series, series not simply passed, flags, NaN samples. */
export function summary(at: usize): void {
  store<u32>(at, sampleCount);
  store<u32>(at, unknownCount, 4);
  store<u32>(at, notPassed, 8);
  store<u32>(at, allFlags, 12);
  store<u32>(at, nanCount, 16);
}
