// Known series: an open-addressing table of fingerprint → verdict, last minute seen, scope.
// 24 bytes a slot: high u64, low u64 (0 = empty), scope u32, minute << 8 | verdict u32.

import { high, low } from './hash';

export const SLOT_BYTES: usize = 24;

let base: usize = 0;
let mask: usize = 0;
export let count: u32 = 0;

/** Points the table at `slots` (a power of two) zeroed slots. */
export function reset(at: usize, slots: u32): void {
  base = at;
  mask = <usize>slots - 1;
  count = 0;
  memory.fill(at, 0, <usize>slots * SLOT_BYTES);
}

/** The slot of the current fingerprint, or the empty one where it would go. */
@inline
export function find(): usize {
  let index = <usize>high & mask;
  while (true) {
    const slot = base + index * SLOT_BYTES;
    const stored = load<u64>(slot, 8);
    if (stored == 0) return slot;
    if (stored == low && load<u64>(slot) == high) return slot;
    index = (index + 1) & mask;
  }
}

@inline
export function isEmpty(slot: usize): bool {
  return load<u64>(slot, 8) == 0;
}

/** The stored verdict; marks the series as seen in `minute`. */
@inline
export function touch(slot: usize, minute: u32): u32 {
  const meta = load<u32>(slot, 20);
  const verdict = meta & 0xff;
  const fresh = (minute << 8) | verdict;
  if (meta != fresh) store<u32>(slot, fresh, 20);
  return verdict;
}

/** Stores the verdict of the current fingerprint; 1 when the series is new to the table. */
export function put(scope: u32, minute: u32, verdict: u32): u32 {
  const slot = find();
  const isNew: u32 = isEmpty(slot) ? 1 : 0;
  count += isNew;
  store<u64>(slot, high);
  store<u64>(slot, low, 8);
  store<u32>(slot, scope, 16);
  store<u32>(slot, (minute << 8) | verdict, 20);
  return isNew;
}

/** Puts `slots` saved slots at `at` back, as they were, after a `reset`. */
export function restore(at: usize, slots: u32): void {
  const end = at + <usize>slots * SLOT_BYTES;
  while (at < end) {
    const savedLow = load<u64>(at, 8);
    if (savedLow != 0) {
      let index = <usize>load<u64>(at) & mask;
      let slot = base + index * SLOT_BYTES;
      while (load<u64>(slot, 8) != 0) {
        index = (index + 1) & mask;
        slot = base + index * SLOT_BYTES;
      }
      memory.copy(slot, at, SLOT_BYTES);
      count++;
    }
    at += SLOT_BYTES;
  }
}
