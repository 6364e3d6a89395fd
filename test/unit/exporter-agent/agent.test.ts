import { describe, expect, it } from 'vitest';
import { createAgent } from '../../../exporter-agent/agent.ts';
import type { Collector } from '../../../exporter-agent/collect/collector.ts';
import { createEncoder } from '../../../exporter-agent/send/encode.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

function setUp(collectors: Collector[], offer: () => Promise<void> = () => Promise.resolve()) {
  const clock = createVirtualClock(1_763_024_000_000);
  const offered: number[] = [];
  const beats: number[] = [];
  const lines: string[] = [];
  const settings = { intervalMs: 5_000, clockSetByMs: 0 };
  const line = (message: string) => lines.push(message);
  let disconnected = false;
  const agent = createAgent({
    hostId: 'h-1',
    bootId: 'b',
    nodeNames: () => false,
    collectors: () => collectors,
    encoder: createEncoder({
      labels: { host_id: 'h-1' },
      maxSeries: 100,
      metadataOf: () => undefined,
      compress: (body) => Buffer.from(body),
    }),
    sender: {
      offer: (_bodies, timestampMs) => {
        offered.push(timestampMs);
        return offer();
      },
      sentBatches: () => 0,
      stop: () => Promise.resolve(),
    },
    intervalMs: () => settings.intervalMs,
    beat: () => {
      beats.push(clock.nowMs());
      return Promise.resolve();
    },
    disconnect: () => (disconnected = true),
    clock: { ...clock, nowMs: () => clock.nowMs() + settings.clockSetByMs },
    log: { debug: line, info: line, warn: line, error: line },
  });
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  return {
    clock,
    offered,
    beats,
    lines,
    settings,
    stop,
    running,
    isDisconnected: () => disconnected,
  };
}

const loadavg = (collect: Collector['collect']): Collector => ({
  name: 'loadavg',
  emits: ['cpu_load1'],
  collect,
});
const steady = loadavg((_tick, emit) => {
  emit('cpu_load1', 1);
  return 'ok';
});

describe('the loop of the agent', () => {
  it('ticks at once, then every interval at the same phase, and beats every 30 s', async () => {
    const t = setUp([steady]);
    await t.clock.advance(120_000);
    expect(t.offered.length).toBeGreaterThanOrEqual(24);
    const phases = new Set(t.offered.slice(1).map((at) => at % 5_000));
    expect(phases.size).toBe(1);
    expect(t.beats.length).toBe(5);
    t.stop.abort();
    await t.clock.advance(10_000);
    await t.running;
    expect(t.isDisconnected()).toBe(true);
  });

  it.each([3, -3])('goes on at the same pace when the clock is set by %i hours', async (hours) => {
    const t = setUp([steady]);
    await t.clock.advance(20_000);
    const before = t.offered.length;
    t.settings.clockSetByMs = hours * 3_600_000;
    await t.clock.advance(60_000);
    const after = t.offered.slice(before);
    expect(after.length).toBe(12);
    expect(after[0]! - t.offered[before - 1]!).toBe(hours * 3_600_000 + 5_000);
    expect(new Set(after.slice(1).map((at, i) => at - after[i]!))).toEqual(new Set([5_000]));
    t.stop.abort();
    await t.clock.advance(10_000);
    await t.running;
  });

  it('applies a new interval to the next tick', async () => {
    const t = setUp([steady]);
    await t.clock.advance(20_000);
    t.settings.intervalMs = 1_000;
    const before = t.offered.length;
    await t.clock.advance(20_000);
    expect(t.offered.length - before).toBeGreaterThan(12);
    t.stop.abort();
    await t.clock.advance(10_000);
    await t.running;
  });

  it('goes on ticking while a post hangs', async () => {
    const t = setUp([steady], () => new Promise(() => undefined));
    await t.clock.advance(30_000);
    expect(t.offered.length).toBeGreaterThan(5);
  });

  it('says once that a collector fails and once that it works again, and keeps the others', async () => {
    let isBroken = true;
    const broken = loadavg(() => {
      if (isBroken) throw new Error('torn');
      return 'ok';
    });
    const t = setUp([broken, { ...steady, name: 'memory' }]);
    await t.clock.advance(30_000);
    isBroken = false;
    await t.clock.advance(30_000);
    expect(t.lines).toEqual(['collector fails', 'collector works again']);
    t.stop.abort();
    await t.clock.advance(10_000);
    await t.running;
  });
});
