import { uptime } from 'node:os';

/** Timestamps of ticks. */
export interface TickTime {
  /** When a tick is, milliseconds since the epoch. */
  nowMs(): number;
  /** What a heartbeat found: server minus wall clock, milliseconds. */
  compare(offsetMs: number): void;
}

interface Deps {
  wallMs: () => number;
  /** Milliseconds since boot, suspended ones included; a clock that nobody sets. */
  bootMs?: () => number;
  /** The wall clock was set: ask the server soon which time it is. */
  onJump: () => void;
}

/** Slewing and small steps are followed at once. */
const stepMs = 2_000;
/** So far a clock may be from the server's; beyond it, one of the two is wrong. */
const toleratedMs = 60_000;

/**
 * The wall clock, except where it is plainly wrong. A clock that is set by hours would stamp samples that the server must
 * refuse, or that lie among older ones. So after a jump ticks go on from where they were until the server has been asked;
 * then the time that agrees with the server's is taken, and where neither does, the server's own. A time that no server
 * has agreed with is given up for a new one at once: a host that boots in 1970 is put right later.
 */
export function createTickTime({ wallMs, bootMs = () => uptime() * 1000, onJump }: Deps): TickTime {
  /** What is added to the wall clock. */
  let shiftMs = 0;
  let isConfirmed = false;
  let anchorMs = wallMs() - bootMs();

  /** Notes a jump of the wall clock since the last look; ticks keep their course over it. */
  function look(): void {
    const jumpMs = wallMs() - bootMs() - anchorMs;
    anchorMs += jumpMs;
    if (Math.abs(jumpMs) < stepMs) return;
    shiftMs = isConfirmed ? shiftMs - jumpMs : 0;
    onJump();
  }

  return {
    nowMs() {
      look();
      return Math.round(wallMs() + shiftMs);
    },
    compare(offsetMs) {
      look();
      if (Math.abs(offsetMs) <= toleratedMs) shiftMs = 0;
      else if (Math.abs(offsetMs - shiftMs) > toleratedMs) shiftMs = offsetMs;
      isConfirmed = true;
    },
  };
}
