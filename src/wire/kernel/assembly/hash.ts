// A keyed 128-bit fingerprint: two lanes of 64×64-bit multiply-and-fold over 32 bytes a step.
// The secrets are random per process, so a sender cannot aim for a collision.

let secret0: u64 = 0;
let secret1: u64 = 0;
let secret2: u64 = 0;
let secret3: u64 = 0;

/** The fingerprint of the last `fingerprint` call. */
export let high: u64 = 0;
export let low: u64 = 0;

export function seed(at: usize): void {
  secret0 = load<u64>(at) | 1;
  secret1 = load<u64>(at + 8) | 1;
  secret2 = load<u64>(at + 16) | 1;
  secret3 = load<u64>(at + 24) | 1;
}

@inline
function fold(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  return rotl(a1 * b0, 32) ^ (a1 * b1) ^ rotl(a0 * b1, 32) ^ (a0 * b0);
}

@inline
function tail(at: usize, length: usize): u64 {
  // 1 to 8 bytes; the buffers' slack makes the wide load safe.
  return load<u64>(at) & (<u64>0xffffffffffffffff >> ((8 - <u64>length) << 3));
}

export function fingerprint(at: usize, length: usize, scope: u32): void {
  let laneA = secret0 ^ (<u64>scope * secret2);
  let laneB = secret1 ^ <u64>length;
  let left = length;
  while (left >= 32) {
    laneA = fold(load<u64>(at) ^ secret1, load<u64>(at, 8) ^ laneA);
    laneB = fold(load<u64>(at, 16) ^ secret2, load<u64>(at, 24) ^ laneB);
    at += 32;
    left -= 32;
  }
  if (left >= 16) {
    laneA = fold(load<u64>(at) ^ secret1, load<u64>(at, 8) ^ laneA);
    at += 16;
    left -= 16;
  }
  if (left > 0) {
    const first = tail(at, left > 8 ? 8 : left);
    const second = left > 8 ? tail(at + 8, left - 8) : 0;
    laneB = fold(first ^ secret2, second ^ laneB);
  }
  high = fold(laneA ^ secret3, laneB ^ secret2);
  low = fold(laneA ^ secret1, laneB ^ secret3 ^ rotl(laneA, 29)) | 1;
}
