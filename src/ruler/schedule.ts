/** The moment in each interval that belongs to a group, the same on every replica, so that groups do not meet. */
export function phaseMs(tenantId: string, groupKey: string, intervalMs: number): number {
  // FNV-1a: spreads similar names.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${tenantId}\0${groupKey}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash % intervalMs;
}

/** A group's rhythm: its evaluation times are `phaseMs` after the multiples of `intervalMs` since the epoch. */
export interface Rhythm {
  intervalMs: number;
  phaseMs: number;
}

/** The newest slot that is not after `nowMs`. */
export function slotAt(nowMs: number, { intervalMs, phaseMs: phase }: Rhythm): number {
  return Math.floor((nowMs - phase) / intervalMs) * intervalMs + phase;
}

/** Slots that nobody evaluated between the last one and this one; they are not made up for. */
export function missedSlots(lastMs: number | undefined, slotMs: number, rhythm: Rhythm): number {
  if (lastMs === undefined) return 0;
  return Math.max(0, Math.round((slotMs - lastMs) / rhythm.intervalMs) - 1);
}
