/** The moment in each interval that belongs to this host, so that many hosts do not arrive together. */
export function phaseMs(hostId: string, intervalMs: number): number {
  // FNV-1a: spreads similar names, needs no library.
  let hash = 0x811c9dc5;
  for (let i = 0; i < hostId.length; i += 1) {
    hash = Math.imul(hash ^ hostId.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash % intervalMs;
}

/**
 * Milliseconds from now to the host's next moment. Less than a quarter of an interval is not worth a tick
 * (a timer that fired early, a clock that was set): then the one after.
 */
export function untilNextTick(nowMs: number, intervalMs: number, phase: number): number {
  const into = (((nowMs - phase) % intervalMs) + intervalMs) % intervalMs;
  const left = intervalMs - into;
  return left < intervalMs / 4 ? left + intervalMs : left;
}
