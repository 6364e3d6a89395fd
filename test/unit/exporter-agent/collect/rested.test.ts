import { describe, expect, it } from 'vitest';
import type { CollectOutcome, Tick } from '../../../../exporter-agent/collect/collector.ts';
import { rested } from '../../../../exporter-agent/collect/rested.ts';

function setUp(everyMs: number, answer: () => CollectOutcome) {
  let asked = 0;
  const collector = rested(
    {
      name: 'hwmon',
      emits: [],
      collect(_tick, emit) {
        asked += 1;
        const outcome = answer();
        if (outcome === 'ok') emit('node_hwmon_fan_rpm', asked);
        return outcome;
      },
    },
    everyMs,
  );
  const at = (seconds: number) => {
    const tick: Tick = {
      wallMs: 0,
      monotonicMs: seconds * 1000,
      intervalMs: 5_000,
      bootId: 'b',
    };
    const told: number[] = [];
    collector.collect(tick, (_name, value) => told.push(value));
    return told;
  };
  return { at, asked: () => asked };
}

describe('a collector that is asked seldom', () => {
  it('tells its last values until its time has come', () => {
    const { at, asked } = setUp(15_000, () => 'ok');
    expect([at(0), at(5), at(10)]).toEqual([[1], [1], [1]]);
    expect(asked()).toBe(1);
    expect(at(15)).toEqual([2]);
  });

  it('is asked once a minute where the host has nothing to tell', () => {
    let outcome: CollectOutcome = 'not-on-this-host';
    const { at, asked } = setUp(0, () => outcome);
    for (const seconds of [0, 5, 30, 55]) expect(at(seconds)).toEqual([]);
    expect(asked()).toBe(1);
    outcome = 'ok';
    expect(at(60)).toEqual([2]);
    expect(at(61)).toEqual([3]);
  });

  it('is asked again at once after it failed, and tells nothing old', () => {
    let isBroken = false;
    const { at } = setUp(15_000, () => {
      if (isBroken) throw new Error('broken');
      return 'ok';
    });
    at(0);
    isBroken = true;
    expect(() => at(15)).toThrow('broken');
    isBroken = false;
    expect(at(16)).toEqual([3]);
  });
});
