// Known series. Entries stand in the order in which they were learned, 16 bytes each: fingerprint u64, scope u32,
// minute << 8 | verdict u32. An open-addressing index of u32 (entry number + 1, 0 = empty) leads to them.
// A sender posts its series in the same order every time, so the entry after the last one found is tried first:
// the walk is then sequential in memory and misses no cache.

import { low } from './hash';

export const ENTRY_BYTES: usize = 16;

let entries: usize = 0;
let index: usize = 0;
let mask: u32 = 0;
export let count: u32 = 0;
let expected: u32 = 0;

/** Says where both parts are, how many entries there are already, and how many index slots (a power of two). */
export function arrange(entriesAt: usize, indexAt: usize, known: u32, slots: u32): void {
  entries = entriesAt;
  index = indexAt;
  count = known;
  mask = slots - 1;
  expected = 0;
  memory.fill(index, 0, <usize>slots << 2);
  for (let i: u32 = 0; i < known; i++) {
    // The fingerprint's own bits choose the slot, so an entry can be indexed anew without its labels.
    let slot = <u32>load<u64>(entryAt(i)) & mask;
    while (load<u32>(index + (<usize>slot << 2)) != 0) slot = (slot + 1) & mask;
    store<u32>(index + (<usize>slot << 2), i + 1);
  }
}

@inline
function entryAt(number: u32): usize {
  return entries + <usize>number * ENTRY_BYTES;
}

@inline
function matches(entry: usize, scope: u32): bool {
  return load<u64>(entry) == low && load<u32>(entry, 8) == scope;
}

/** The verdict of the current fingerprint, marked as seen in `minute`; 0 where it is not known. */
@inline
export function lookup(scope: u32, minute: u32): u32 {
  let number = expected;
  let entry = entryAt(number);
  if (number >= count || !matches(entry, scope)) {
    let slot = <u32>low & mask;
    while (true) {
      number = load<u32>(index + (<usize>slot << 2));
      if (number == 0) return 0;
      number--;
      entry = entryAt(number);
      if (matches(entry, scope)) break;
      slot = (slot + 1) & mask;
    }
  }
  expected = number + 1;
  const meta = load<u32>(entry, 12);
  const verdict = meta & 0xff;
  const fresh = (minute << 8) | verdict;
  if (meta != fresh) store<u32>(entry, fresh, 12);
  return verdict;
}

/** Stores the verdict of the current fingerprint; 1 when the series is new. The host keeps room for one more. */
export function put(scope: u32, minute: u32, verdict: u32): u32 {
  const fresh = (minute << 8) | verdict;
  let slot = <u32>low & mask;
  while (true) {
    const number = load<u32>(index + (<usize>slot << 2));
    if (number == 0) break;
    const known = entryAt(number - 1);
    if (matches(known, scope)) {
      store<u32>(known, fresh, 12);
      return 0;
    }
    slot = (slot + 1) & mask;
  }
  const entry = entryAt(count);
  store<u64>(entry, low);
  store<u32>(entry, scope, 8);
  store<u32>(entry, fresh, 12);
  count++;
  store<u32>(index + (<usize>slot << 2), count);
  return 1;
}
