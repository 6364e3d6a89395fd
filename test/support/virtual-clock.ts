import type { Clock } from '../../exporter-agent/clock.ts';

/** A clock that only moves when told, and lets everything due happen in order on the way. */
export interface VirtualClock extends Clock {
  advance(ms: number): Promise<void>;
}

export function createVirtualClock(startMs: number): VirtualClock {
  let now = 0;
  let timers: { at: number; wake: () => void }[] = [];
  const settle = async () => {
    for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    nowMs: () => startMs + now,
    monotonicMs: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const timer = { at: now + ms, wake: resolve };
        timers.push(timer);
        signal?.addEventListener('abort', () => {
          timers = timers.filter((other) => other !== timer);
          resolve();
        });
      }),
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (;;) {
        timers.sort((a, b) => a.at - b.at);
        const next = timers[0];
        if (next === undefined || next.at > until) break;
        timers.shift();
        now = next.at;
        next.wake();
        await settle();
      }
      now = until;
    },
  };
}
