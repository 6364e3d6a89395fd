// The gateway's decode kernel. Memory is laid out by `../kernel.ts`; nothing here allocates.

import { fingerprint, high, low, seed } from './hash';
import { rebuild } from './rebuild';
import { scan, summary } from './scan';
import { compress, decompress } from './snappy';
import { arrange, count, lookup, put } from './table';

export { arrange, compress, decompress, rebuild, scan, seed, summary };

/** Fingerprint of any bytes, two u64 written at `result`. */
export function digest(at: usize, length: usize, scope: u32, result: usize): void {
  fingerprint(at, length, scope);
  store<u64>(result, high);
  store<u64>(result, low, 8);
}

/** Remembers the verdict of the series whose label bytes are given; 1 when it is new. */
export function learn(at: usize, length: usize, scope: u32, minute: u32, verdict: u32): u32 {
  fingerprint(at, length, scope);
  return put(scope, minute, verdict);
}

/** The verdict of the series whose label bytes are given, marked as seen; 0 where it is not known. */
export function find(at: usize, length: usize, scope: u32, minute: u32): u32 {
  fingerprint(at, length, scope);
  return lookup(scope, minute);
}

export function known(): u32 {
  return count;
}
