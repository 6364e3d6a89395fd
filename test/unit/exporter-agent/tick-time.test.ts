import { describe, expect, it } from 'vitest';
import { createTickTime } from '../../../exporter-agent/tick-time.ts';

const hourMs = 3_600_000;
const startMs = 1_763_024_000_000;

/** A host whose true time goes on by `pass`, whose clock is off by `clock.offMs`. */
function setUp(offMs = 0) {
  const clock = { trueMs: startMs, bootMs: 50_000, offMs };
  let jumps = 0;
  const time = createTickTime({
    wallMs: () => clock.trueMs + clock.offMs,
    bootMs: () => clock.bootMs,
    onJump: () => (jumps += 1),
  });
  return {
    clock,
    time,
    jumps: () => jumps,
    pass(ms: number) {
      clock.trueMs += ms;
      clock.bootMs += ms;
    },
    /** What a heartbeat would find. */
    ask: () => time.compare(-clock.offMs),
  };
}

describe('the time of ticks', () => {
  it('is the wall clock, also while it is slewed and stepped a little', () => {
    const t = setUp();
    for (let tick = 0; tick < 100; tick += 1) {
      t.pass(5_000);
      t.clock.offMs += 15;
      expect(t.time.nowMs()).toBe(t.clock.trueMs + t.clock.offMs);
    }
    expect(t.jumps()).toBe(0);
  });

  it.each([3 * hourMs, -3 * hourMs, 600_000, -600_000])(
    'goes its way when the clock is set wrong by %d ms, and is the wall clock again once that is right',
    (wrongMs) => {
      const t = setUp();
      t.ask();
      t.clock.offMs = wrongMs;
      const seen: number[] = [];
      for (let tick = 0; tick < 10; tick += 1) {
        t.pass(5_000);
        seen.push(t.time.nowMs() - t.clock.trueMs);
        if (tick === 5) t.ask();
      }
      t.clock.offMs = 0;
      t.pass(5_000);
      seen.push(t.time.nowMs() - t.clock.trueMs);
      t.ask();
      seen.push(t.time.nowMs() - t.clock.trueMs);
      expect(seen).toEqual(seen.map(() => 0));
      expect(t.jumps()).toBe(2);
    },
  );

  it('takes the corrected clock at once where no server had agreed with the old one', () => {
    const t = setUp(-startMs);
    expect(t.time.nowMs()).toBe(0);
    t.clock.offMs = 0;
    t.pass(5_000);
    expect(t.time.nowMs()).toBe(t.clock.trueMs);
  });

  it("is the server's on a host whose clock is wrong from the start", () => {
    const t = setUp(-2 * hourMs);
    t.ask();
    t.pass(5_000);
    expect(t.time.nowMs()).toBe(t.clock.trueMs);
  });

  it('leaves a clock alone that is off by less than a minute', () => {
    const t = setUp(40_000);
    t.ask();
    expect(t.time.nowMs()).toBe(t.clock.trueMs + 40_000);
  });

  it('takes the time of a suspended host for time', () => {
    const t = setUp();
    t.ask();
    t.pass(8 * hourMs);
    expect(t.time.nowMs()).toBe(t.clock.trueMs);
    expect(t.jumps()).toBe(0);
  });
});
